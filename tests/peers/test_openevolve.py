import pytest

from evaluators.faults import JudgeFault
from evolution.evaluation import Tier, Verdict
from evolution.peers.mapping import Treatment
from evolution.problem import PeerFormat, ProblemError
from tests.conftest import SlotFolder
from tests.peers.judged import imported, judged, opened
from tests.tiers import TIERS

PROGRAM = "# EVOLVE-BLOCK-START\ndef value():\n    return 3\n# EVOLVE-BLOCK-END\n"
READS = """
import importlib.util
def load(path):
    spec = importlib.util.spec_from_file_location("candidate", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
"""


def folder(evaluator: str, config: str = "", **more: str) -> dict[str, str]:
    files = {"initial_program.py": PROGRAM, "evaluator.py": READS + evaluator, **more}
    return files | ({"config.yaml": config} if config else {})


def body(line: str) -> str:
    return PROGRAM.replace("return 3", line)


@pytest.mark.parametrize("tier", TIERS)
def test_a_cascade_with_artifacts_and_string_metrics(tier: Tier, slot_folder: SlotFolder) -> None:
    found = opened("openevolve_slope")
    seed, stopped = judged(
        found,
        None,
        found.problem.seed_files["peer/initial_program.py"].replace("0.5", "-0.5"),
        tier=tier,
        slot_folder=slot_folder(tier),
    )
    assert seed.verdict is Verdict.SCORED
    assert seed.metrics["distance"] == pytest.approx(2.975)
    assert seed.score == pytest.approx(1 / 3.975)
    assert seed.metrics["kept"] == 7, "numbers of the first stage are merged"
    feedback = seed.stages[-1].feedback
    assert "stage: second" in feedback
    assert "worst:\nthe third point\nis far away" in feedback
    assert "nothing: None" in feedback
    assert stopped.score == 0.0
    assert "distance" not in stopped.metrics


def test_settings_are_mapped_and_each_key_is_reported_once() -> None:
    found = opened("openevolve_slope")
    assert found.peer is PeerFormat.OPENEVOLVE
    assert (found.evaluator, found.program, found.settings) == ("evaluator.py", "initial_program.py", "config.yaml")
    assert (found.wishes.evaluations, found.wishes.seed, found.wishes.islands, found.wishes.inspirations) == (24, 11, 3, 3)
    treated = {finding.key: finding.treatment for finding in found.findings}
    assert len(treated) == len(found.findings)
    assert treated["colour"] is Treatment.UNKNOWN
    assert treated["allow_full_rewrites"] is Treatment.DEPRECATED
    assert treated["llm.top_p"] is Treatment.IGNORED
    assert treated["llm.models[].name"] is Treatment.TRANSLATED
    assert treated["random_seed"] is Treatment.TAKEN
    definition = found.problem.definition
    assert definition.statement == "Find the line that the points lie on."
    assert definition.peer is PeerFormat.OPENEVOLVE
    assert not definition.score_isolated
    assert definition.stages[0].timeout_s == 65.0
    assert definition.limits.source_kib == 20
    assert [axis.feature for axis in definition.axes] == ["length", "literals"]
    assert definition.axes[0].cells == 9
    assert definition.environment.packages == ()
    assert any("openevolve" in note for note in found.notes)


def test_models_are_mapped_and_a_key_in_the_settings_is_stored_nowhere() -> None:
    found = opened("openevolve_slope")
    quick, slow = found.models
    assert (quick.model.name, quick.model.base_url, quick.weight) == ("quick/model", "https://models.example.org/v1", 0.75)
    assert (quick.model.temperature, quick.model.max_tokens, quick.model.timeout_s) == (0.9, 4000, 90.0)
    assert (quick.model.api_key_env, slow.model.api_key_env) == ("OPENAI_API_KEY", "SLOW_KEY")
    assert slow.model.temperature == 0.2
    assert not [path for path, content in found.problem.files.items() if b"sk-should-never" in content]
    assert b"${SLOW_KEY}" in found.problem.files["peer/config.yaml"]


def test_a_program_without_markers_a_coroutine_and_no_combined_score() -> None:
    found = opened("openevolve_whole")
    assert "no EVOLVE-BLOCK markers" in found.problem.definition.statement
    (seed,) = judged(found)
    assert seed.score == pytest.approx((3.4375 + 3.4375 / 2) / 2), "the mean of the numbers, bools left out"
    assert "where: left of the top" in seed.stages[-1].feedback


def test_feature_dimensions_are_left_out_of_the_mean() -> None:
    evaluator = "def evaluate(path):\n    return {'good': load(path).value(), 'size': 100}\n"
    found = imported(folder(evaluator, "database:\n  feature_dimensions: [size]\n"))
    (seed,) = judged(found)
    assert seed.score == 3


@pytest.mark.parametrize(
    ("line", "verdict", "said"),
    [
        ("raise ValueError('of the candidate')", Verdict.CRASHED, "of the candidate"),
        ("return float('nan')", Verdict.WRONG, "finite combined_score"),
        ("return 'much'", Verdict.WRONG, "expected a number 'combined_score'"),
        ("return True", Verdict.WRONG, "expected a number 'combined_score'"),
        ("import os; os._exit(0)", Verdict.CRASHED, "ended by itself"),
        ("import time; time.sleep(60)", Verdict.TIMED_OUT, "within 2 s"),
        ("return len(bytearray(1 << 36))", Verdict.OUT_OF_MEMORY, "MemoryError"),
        ("open('/usr/new', 'w')", Verdict.FORBIDDEN, "/usr/new"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", Verdict.FORBIDDEN, "PermissionError"),
    ],
)
def test_whatever_a_candidate_does_is_its_verdict(line: str, verdict: Verdict, said: str) -> None:
    evaluator = "def evaluate(path):\n    return {'combined_score': load(path).value()}\n"
    found = imported(folder(evaluator, "evaluator:\n  timeout: 2\n"))
    failed, after = judged(found, body(line), None)
    assert failed.verdict is verdict, failed.stages[-1].feedback
    assert failed.score is None
    assert said in failed.stages[-1].feedback
    assert after.score == 3


@pytest.mark.parametrize(
    ("evaluator", "said"),
    [
        ("def evaluate(path):\n    return [1]\n", "expected a dict of metrics or an EvaluationResult"),
        ("def evaluate(path):\n    return {}\n", "no metrics"),
        ("def evaluate(path):\n    raise RuntimeError('the evaluator fails')\n", "the evaluator fails"),
    ],
)
def test_an_evaluator_that_gives_no_score(evaluator: str, said: str) -> None:
    (seed,) = judged(imported(folder(evaluator)))
    assert seed.score is None
    assert said in seed.stages[-1].feedback


@pytest.mark.parametrize(
    ("evaluator", "said"),
    [
        ("import no_such_module\ndef evaluate(path):\n    return {}\n", "no_such_module"),
        ("def other(path):\n    return {}\n", "evaluate(program_path)"),
        ("def evaluate(path)\n", "SyntaxError"),
    ],
)
def test_an_evaluator_that_cannot_be_used_is_no_candidates_fault(evaluator: str, said: str) -> None:
    with pytest.raises(JudgeFault, match=r"the evaluator evaluator\.py cannot be used") as fault:
        judged(imported(folder(evaluator)))
    assert said in str(fault.value)


def test_megabytes_of_output_and_of_results_are_cut() -> None:
    evaluator = """
import sys, subprocess
def evaluate(path):
    for _ in range(40):
        print("x" * 100_000)
        sys.stderr.write("y" * 100_000)
    subprocess.run([sys.executable, "-c", "print('z' * 3_000_000)"], check=True)
    return {"combined_score": 1.0, "text": "t" * 2_000_000, "artifacts": {str(i): "a" * 100_000 for i in range(100)}}
"""
    (seed,) = judged(imported(folder(evaluator)))
    assert seed.score == 1.0
    assert len(seed.stages[-1].feedback) <= 4096
    assert len(seed.stages[-1].log_tail) <= 4096


def test_the_folder_is_there_to_be_read_and_small_files_to_be_overwritten() -> None:
    evaluator = """
import os
from pathlib import Path
from tools.sums import double
def evaluate(path):
    here = Path(__file__).parent
    (here / "notes.txt").write_text("mine")
    Path("made.txt").write_text("new")
    try:
        (here / "tools" / "sums.py").write_text("")
    except OSError:
        closed = 1
    other = Path(path).suffix == ".py" and Path(path).name != "initial_program.py"
    return {"combined_score": double(load(path).value()) + closed + other}
"""
    more = {"notes.txt": "theirs", "tools/__init__.py": "", "tools/sums.py": "def double(x):\n    return 2 * x\n"}
    first, second = judged(imported(folder(evaluator, **more)), None, None)
    assert first.score == second.score == 8


def test_nothing_secret_is_in_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-user")
    evaluator = "import os\ndef evaluate(path):\n    return {'combined_score': 1, 'seen': str(dict(os.environ))}\n"
    (seed,) = judged(imported(folder(evaluator)))
    assert "PATH" in seed.stages[-1].feedback
    assert "sk-of-the-user" not in seed.stages[-1].feedback


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"config.yaml": "max_iterations: [1"}, "config.yaml: expected YAML; it cannot be read"),
        ({"config.yaml": "- a\n- b\n"}, "expected a table of settings at the top; got a list"),
        ({"config.yaml": "max_iterations: lots"}, "max_iterations: expected a number of at least 1; got 'lots'"),
        ({"config.yaml": "evaluator:\n  timeout: -3\n"}, "evaluator.timeout: expected a number from 0.001 to 86400; got '-3'"),
        ({"config.yaml": "evaluator:\n  cascade_evaluation: maybe\n"}, "expected true or false; got 'maybe'"),
        ({"config.yaml": "llm:\n  models: [{weight: 1}]\n"}, "llm.models, table 1: name: expected the name of a model"),
        ({"config.yaml": "llm:\n  models: fast\n"}, "llm.models: expected a list"),
        ({"config.yaml": "llm:\n  api_base: nowhere\n  primary_model: m\n"}, "model 'm': base_url"),
        ({"initial_program.c": "int x;"}, "expected one initial program; got initial_program.c, initial_program.py"),
    ],
)
def test_bad_input_gives_one_clear_message(files: dict[str, str], said: str) -> None:
    with pytest.raises(ProblemError) as error:
        imported(folder("def evaluate(path):\n    return {}\n", **files))
    assert said in str(error.value)
