import pytest

from evolution.evaluation import Outcome, Verdict
from evolution.problem import DEFINITION, Direction, FeatureAxis, ProblemError, Scale, problem_from_files

SEED = b"# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n"
BASE = 'name = "toy"\ntitle = "Toy"\nstatement = "Grow."\nseed = ["seed.py"]\n'


def files(text: str = BASE, **changes: bytes | None) -> dict[str, bytes]:
    found = {DEFINITION: text.encode(), "seed.py": SEED, "judge.py": b""}
    for name, content in changes.items():
        found[name.replace("__", ".")] = content or b""
    return found


def test_a_folder_is_a_problem_with_defaults_resolved_and_a_hash_of_every_byte() -> None:
    problem = problem_from_files(files())
    assert problem.seed_files == {"seed.py": SEED.decode()}
    assert [axis.feature for axis in problem.definition.axes] == ["length", "literals"]
    assert problem.definition.score.sign == 1.0
    assert problem.revision == problem_from_files(files()).revision
    assert problem.revision != problem_from_files(files(judge__py=b" ")).revision
    assert problem.revision != problem_from_files(files(data__csv=b"")).revision
    minimised = problem_from_files(files(BASE + f'[score]\ndirection = "{Direction.MINIMIZE}"\n'))
    assert minimised.definition.score.sign == -1.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BASE + "colour = 1\n", "unknown key 'colour'"),
        (BASE + "[limits]\nmemory_mib = 1\n", "limits.memory_mib"),
        ("name = ", "not valid TOML"),
        (BASE.replace("seed.py", "other.py"), "names 'other.py', which is not in the folder"),
        (BASE.replace('["seed.py"]', "[]"), "at least one evolvable file"),
        (BASE.replace('["seed.py"]', '["seed.py", "seed.py"]'), "each once"),
        (BASE.replace('["seed.py"]', '["judge.py"]'), "comment lines # EVOLVE-BLOCK-START"),
        (BASE + '[[stages]]\nname = "a"\n[[stages]]\nname = "a"\n', "stage names must differ"),
        (BASE + '[[stages]]\nname = "a"\ngpus = 2\n', "a stage can hold 1 GPU at most, got gpus = 2; set it to 0 or 1"),
        (BASE + '[[stages]]\nname = "a"\ngpus = -1\n', "stages.0.gpus"),
        (BASE + '[[stages]]\nname = "a"\njudge_gpu = true\n', "judge_gpu needs a stage that holds a GPU"),
        (BASE + '[[stages]]\nname = "a"\nhidden = true\n', "at least one stage must not be hidden"),
        (BASE + '[[stages]]\nname = "a"\n[[stages.gates]]\nmetric = "m"\n', "at_least, at_most or both"),
        (BASE + '[[axes]]\nfeature = "x"\nlow = 1\nhigh = 1\ncells = 2\n', "low must be below high"),
        (BASE + '[[axes]]\nfeature = "x"\nlow = 0\nhigh = 1\ncells = 2\nscale = "log"\n', "low above 0"),
        (BASE + 'language = "rust"\n', "a source in Rust (.rs); got 'seed.py'"),
        (BASE + 'language = "fortran"\n', "language: Input should be 'python', 'c', 'cpp', 'rust' or 'text'"),
        (BASE + "[limits]\nsource_kib = 1\n", "limits.source_kib allows 1 KiB"),
    ],
)
def test_each_flaw_is_named(text: str, words: str) -> None:
    big = b"#" * 1100 if "source_kib" in text else b""
    with pytest.raises(ProblemError) as error:
        problem_from_files(files(text, seed__py=SEED + big))
    assert words in str(error.value)


def test_a_folder_without_a_definition_or_with_strange_paths_or_bytes_is_refused() -> None:
    with pytest.raises(ProblemError, match=r"expected a file problem\.toml; got an empty folder"):
        problem_from_files({})
    for path in ("/etc/passwd", "../up", "a//b"):
        with pytest.raises(ProblemError, match="relative, normal"):
            problem_from_files({**files(), path: b""})
    with pytest.raises(ProblemError, match="UTF-8"):
        problem_from_files(files(seed__py=b"\xff"))


def test_axes_are_frozen_values() -> None:
    axis = FeatureAxis(feature="x", low=1, high=2, cells=3)
    assert axis.scale is Scale.LINEAR
    assert axis == FeatureAxis(feature="x", low=1, high=2, cells=3)


def test_a_score_goes_with_scored_alone() -> None:
    assert Outcome(Verdict.SCORED, 1.0, {}, {}, ()).score == 1.0
    for verdict, score in ((Verdict.SCORED, None), (Verdict.CRASHED, 1.0)):
        with pytest.raises(ValueError, match="a score goes with the verdict scored"):
            Outcome(verdict, score, {}, {}, ())


def test_a_problem_needs_as_many_gpus_as_its_hungriest_stage() -> None:
    stages = '[[stages]]\nname = "a"\n[[stages]]\nname = "b"\nhidden = true\ngpus = 1\n'
    assert problem_from_files(files(BASE + stages)).definition.gpus == 1
    assert problem_from_files(files()).definition.gpus == 0
