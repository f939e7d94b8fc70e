"""Folders whose evaluators are processes: ShinkaEvolve and CodeEvolve."""

import pytest

from evolution.evaluation import Tier, Verdict
from evolution.language import Language
from evolution.peers.mapping import Treatment
from evolution.peers.translation import Imported
from evolution.problem import PeerFormat, ProblemError
from tests.conftest import SlotFolder
from tests.peers.judged import imported, judged, opened
from tests.tiers import TIERS

SHINKA_HEAD = "import json, os, sys\n_, _, program, _, results = sys.argv\n"


def shinka(evaluator: str, **more: str) -> Imported:
    return imported({"initial.py": "x = 1\n", "evaluate.py": SHINKA_HEAD + evaluator, **more})


def code(evaluator: str, config: str = "EVOLVE_CONFIG: {fitness_key: fit}\n") -> Imported:
    head = "import json, sys\n_, program, results = sys.argv\n"
    return imported({"input/src/init.py": "x = 1\n", "input/evaluate.py": head + evaluator, "config.yaml": config})


@pytest.mark.parametrize("tier", TIERS)
def test_a_python_task_of_shinka_with_its_own_harness(tier: Tier, slot_folder: SlotFolder) -> None:
    found = opened("shinka_dice")
    seed_text = found.problem.seed_files["peer/initial.py"]
    seed, cheat, broken = judged(
        found,
        None,
        seed_text.replace("1 + int", "9 + int"),
        "def throws(seed):\n    return 1 / 0\n",
        tier=tier,
        slot_folder=slot_folder(tier),
    )
    assert seed.verdict is Verdict.SCORED
    assert seed.metrics["combined_score"] == seed.score
    assert seed.metrics["lowest"] == 1
    assert seed.metrics["private.answer"] == 42
    assert seed.metrics["private.num_valid_runs"] == 3
    assert seed.stages[-1].feedback == "throw higher\nmood: fair"
    assert cheat.verdict is Verdict.WRONG
    assert "a die has six sides" in cheat.stages[-1].feedback
    assert broken.verdict is Verdict.WRONG
    assert "ZeroDivisionError" in broken.stages[-1].feedback


def test_the_settings_of_a_file_that_starts_runs_are_read_and_it_is_not_run() -> None:
    found = opened("shinka_dice")
    assert found.settings == "run_evo.py"
    assert found.problem.definition.statement == "Throw the dice so that their sum is high."
    assert found.problem.definition.stages[0].timeout_s == 35.0
    assert (found.wishes.evaluations, found.wishes.islands, found.wishes.inspirations) == (12, 2, 2)
    assert [(wished.model.name, wished.model.temperature, wished.model.max_tokens) for wished in found.models] == [
        ("gpt-5-mini", 0.5, 2000)
    ]
    assert any("evo_config.results_dir: left out: its value is computed" in note for note in found.notes)


def test_a_task_in_c_writes_its_results_itself_and_its_exit_code_is_ignored() -> None:
    found = opened("shinka_c")
    assert found.problem.definition.language is Language.C
    text = found.problem.seed_files["peer/initial.c"]
    seed, better, broken = judged(found, None, text.replace("4.0", "5.0"), text.replace("return 2.5", "retrun 2.5"))
    assert (seed.score, better.score) == (10.0, 12.5)
    assert broken.verdict is Verdict.WRONG
    assert "retrun" in broken.stages[-1].feedback


def test_a_task_in_another_language_and_programs_that_an_evaluator_starts_by_name() -> None:
    found = opened("shinka_poem")
    assert found.problem.definition.language is Language.TEXT
    (seed,) = judged(found)
    assert seed.score == 6
    assert "longest: violets" in seed.stages[-1].feedback


@pytest.mark.parametrize(
    ("evaluator", "verdict", "said"),
    [
        ("", Verdict.WRONG, "expected metrics.json in the results folder; there is none"),
        ("raise RuntimeError('no licence')", Verdict.CRASHED, "no licence"),
        ("open(os.path.join(results, 'metrics.json'), 'w').write('{')", Verdict.WRONG, "it is no JSON"),
        ("open(os.path.join(results, 'metrics.json'), 'w').write('[]')", Verdict.WRONG, "it holds a list, not an object"),
        ("open(os.path.join(results, 'metrics.json'), 'w').write(' ' * 5_000_000)", Verdict.WRONG, "larger than 4 MiB"),
        ("json.dump({'combined_score': 1}, open(os.path.join(results, 'metrics.json'), 'w'))", Verdict.WRONG, "correct.json"),
    ],
)
def test_missing_and_broken_results_have_no_score(evaluator: str, verdict: Verdict, said: str) -> None:
    (seed,) = judged(shinka(evaluator))
    assert seed.verdict is verdict
    assert said in seed.stages[-1].feedback


def test_a_process_that_prints_megabytes_and_leaves_others_behind() -> None:
    evaluator = """
import subprocess, threading, time
print("x" * 5_000_000)
print("y" * 5_000_000, file=sys.stderr)
subprocess.Popen(["sleep", "1000"])
def late():
    time.sleep(0.2)
    json.dump({"combined_score": 4}, open(os.path.join(results, "metrics.json"), "w"))
    json.dump({"correct": True}, open(os.path.join(results, "correct.json"), "w"))
threading.Thread(target=late).start()
"""
    first, second = judged(shinka(evaluator), None, None)
    assert first.score == second.score == 4, "a process ends with its last thread"


def test_codeevolve_reads_one_file_of_results_from_the_source_folder() -> None:
    found = opened("codeevolve_fit")
    text = found.problem.seed_files["peer/input/src/start.py"]
    seed, negative = judged(found, None, text.replace("0.2", "-0.2"))
    assert seed.score == 0.5
    assert seed.metrics == {"balance": 0.5, "eval_time": 0.25}
    assert seed.features == {"eval_time": 0.25}
    assert seed.stages[-1].feedback == "one weight is large\nkind: plain"
    assert negative.verdict is Verdict.CRASHED
    assert "a weight is negative" in negative.stages[-1].feedback


def test_the_settings_of_codeevolve() -> None:
    found = opened("codeevolve_fit")
    definition = found.problem.definition
    assert found.peer is PeerFormat.CODEEVOLVE
    assert definition.statement.strip().startswith("Balance the weights.")
    assert "PROMPT-BLOCK" not in definition.statement
    assert (definition.limits.memory_mib, definition.stages[0].timeout_s) == (1431, 20.0)
    (axis,) = definition.axes
    assert (axis.feature, axis.low, axis.high, axis.cells) == ("eval_time", 0.0, 60.0, 20)
    assert (found.wishes.evaluations, found.wishes.seed, found.wishes.islands, found.wishes.inspirations) == (8, 5, 2, 3)
    assert [(wished.model.name, wished.weight, wished.base_variable) for wished in found.models] == [
        ("wide", 3.0, "API_BASE"),
        ("deep", 1.0, "API_BASE"),
    ]
    treated = {finding.key: finding.treatment for finding in found.findings}
    assert treated["EVOLVE_CONFIG.migration"] is Treatment.IGNORED
    assert Treatment.UNKNOWN not in treated.values()


@pytest.mark.parametrize(
    ("evaluator", "verdict", "said"),
    [
        ("sys.exit(4)", Verdict.CRASHED, "exit status 4"),
        ("pass", Verdict.WRONG, "expected a table of metrics in the results file; there is none"),
        ("json.dump({'other': 1}, open(results, 'w'))", Verdict.WRONG, "expected a number 'fit' from the evaluator; got other"),
        ("json.dump({'fit': 1}, open(results, 'w')); sys.exit('sorry')", Verdict.CRASHED, "sorry"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Verdict.CRASHED, "exit status -9"),
    ],
)
def test_how_a_process_of_codeevolve_fails(evaluator: str, verdict: Verdict, said: str) -> None:
    (seed,) = judged(code(evaluator))
    assert seed.verdict is verdict
    assert said in seed.stages[-1].feedback


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"config.yaml": "CODEBASE_PATH: src/\n"}, "EVOLVE_CONFIG.fitness_key: expected the name of the metric"),
        ({"config.yaml": "EVOLVE_CONFIG: {fitness_key: f}\nINIT_FILE_DATA: {filename: no.py}\n"}, "names 'input/src/no.py'"),
        ({}, "expected a config.yaml with EVOLVE_CONFIG"),
        ({"config.yaml": "EVOLVE_CONFIG: {fitness_key: f, num_islands: 0}\n"}, "num_islands: expected a number of at least 1"),
    ],
)
def test_bad_settings_of_codeevolve_give_one_message(files: dict[str, str], said: str) -> None:
    with pytest.raises(ProblemError) as error:
        imported({"input/src/init.py": "x = 1\n", "input/evaluate.py": "", **files})
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"initial.c": "int x;"}, "expected one file initial.<suffix>; got initial.c, initial.py"),
        ({"shinka.yaml": "job_config: {time: soon}\nevo_config: {}\n"}, "job_config.time: expected hours:minutes:seconds"),
        ({"run_evo.py": "def ("}, "run_evo.py: expected Python; it cannot be read"),
    ],
)
def test_bad_settings_of_shinka_give_one_message(files: dict[str, str], said: str) -> None:
    with pytest.raises(ProblemError) as error:
        shinka("", **files)
    assert said in str(error.value)
