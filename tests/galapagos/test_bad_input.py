"""Each bad input ends with one message, the right exit code, and no traceback."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators import toolchains
from evolution.language import LANGUAGES, Language
from galapagos.cli import main
from galapagos.failures import ExitCode
from tests.galapagos.command import JUDGE, SEED, TOML, problem_folder

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def ended(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["galapagos", *map(str, arguments), "--json"])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        answer = json.loads(out)
        code = end.value.code
        assert isinstance(code, int)
        assert answer["exit_code"] == code
        return code, answer["error"], err

    return ended


@pytest.mark.parametrize(
    ("toml", "seed", "judge", "words"),
    [
        (TOML + "\nretries = 3\n", SEED, JUDGE, "retries"),
        (TOML, "x = 1\n", JUDGE, "EVOLVE-BLOCK"),
        (TOML, "# EVOLVE-BLOCK-START\nx = (\n# EVOLVE-BLOCK-END\n", JUDGE, "cannot be read as Python"),
        (TOML, "# EVOLVE-BLOCK-END\nx = 1\n# EVOLVE-BLOCK-START\n", JUDGE, "EVOLVE-BLOCK"),
        (TOML.replace('seed = ["program.py"]', 'seed = ["other.py"]'), SEED, JUDGE, "other.py"),
        ("name = ", SEED, JUDGE, "TOML"),
        (TOML + '[mutation]\nvocabulary = ["abs(a)", "np.sqrt(a", "a = b"]\n', SEED, JUDGE, "'np.sqrt(a'"),
        (TOML + '[mutation]\nvocabulary = ["abs(a)", "np.sqrt(a", "a = b"]\n', SEED, JUDGE, "'a = b'"),
    ],
)
def test_a_problem_that_cannot_be_used(
    toml: str,
    seed: str,
    judge: str,
    words: str,
    tmp_path: Path,
    run: Run,
) -> None:
    folder = problem_folder(tmp_path / "problem", toml, seed, judge)
    for command in ("run", "check"):
        data = [] if command == "check" else ["--data", tmp_path / "data"]
        code, message, err = run(command, folder, *data)
        assert code == 2
        assert words in message
        assert message in err
    assert not (tmp_path / "data").exists(), "nothing is made for what cannot start"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "small"], "GALAPAGOS_MODELS"),
        (["--model", "small=none"], "NAME=WEIGHT"),
        (["--model", "small=1:0"], "NAME=WEIGHT:IN_FLIGHT"),
        (["--model", "a", "--model", "a"], "twice"),
        (["--evaluations", "0"], "evaluations"),
        (["--seconds", "-1"], "seconds"),
        (["--budget", "-1"], "budget"),
        (["--islands", "0"], "islands"),
        (["--strategy", "luck"], "standard error"),
        (["--no-mutate"], "--model"),
    ],
)
def test_options_that_cannot_be_used(options: list[str], words: str, tmp_path: Path, run: Run) -> None:
    code, message, _ = run("run", problem_folder(tmp_path / "p"), "--data", tmp_path / "data", *options)
    assert code == 2
    assert words in message


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [("mysql://x/y", 2, "postgresql://"), ("postgresql://nobody@127.0.0.1:1/none", 3, "127.0.0.1")],
)
def test_wrong_database_addresses(
    url: str, code: int, words: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALAPAGOS_DATABASE_URL", url)
    ended, message, _ = run("runs", "--data", tmp_path / "data")
    assert ended == code
    assert words in message


def test_settings_that_nothing_reads(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALAPAGOS_DTA", "x")
    code, message, _ = run("runs", "--data", tmp_path)
    assert code == 2
    assert "did you mean GALAPAGOS_DATA" in message


def test_looking_where_nothing_ever_ran(tmp_path: Path, run: Run) -> None:
    for command in ("show", "resume", "report", "export", "verify"):
        code, message, _ = run(command, "1", "--data", tmp_path / command)
        assert code == 2
        assert "run" in message
    assert not (tmp_path / "show").exists()


def test_models_without_a_key_or_a_price(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, models = problem_folder(tmp_path / "p"), tmp_path / "models.toml"
    models.write_text('[[models]]\nname = "m"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\napi_key_env = "NO_SUCH_KEY"\n')
    monkeypatch.setenv("GALAPAGOS_MODELS", str(models))
    code, message, _ = run("run", folder, "--model", "m", "--data", tmp_path / "data")
    assert (code, "NO_SUCH_KEY" in message) == (2, True)
    code, message, _ = run("run", folder, "--model", "m", "--budget", "1", "--data", tmp_path / "data")
    assert (code, "no price" in message) == (2, True)


COMPILED = [language for language, traits in LANGUAGES.items() if traits.compiler is not None]


def compiled_problem(folder: Path, language: Language, more: str = "") -> Path:
    name = f"program{LANGUAGES[language].suffixes[0]}"
    toml = TOML.replace('seed = ["program.py"]', f'seed = ["{name}"]\nlanguage = "{language.value}"') + more
    place = problem_folder(folder, toml)
    (place / "program.py").unlink()
    (place / name).write_text("// EVOLVE-BLOCK-START\n// EVOLVE-BLOCK-END\n")
    return place


@pytest.mark.parametrize("language", COMPILED)
def test_a_missing_compiler(language: Language, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """For `run` as for `check`, before anything is made."""
    traits = LANGUAGES[language]
    assert traits.compiler is not None
    monkeypatch.setattr(toolchains, "SYSTEM_PROGRAMS", str(tmp_path / "nothing"))
    folder = compiled_problem(tmp_path / "problem", language)
    for command in (["run", folder, "--model", "small", "--data", tmp_path / "data"], ["check", folder]):
        code, message, err = run(*command)
        assert code == ExitCode.MACHINE
        assert f"for a problem in {traits.title}; it is not installed" in message
        assert traits.compiler.install in message
        assert message in err
    assert not (tmp_path / "data").exists()


def test_a_problem_that_needs_a_gpu_where_there_is_none(tmp_path: Path, run: Run) -> None:
    """Before anything is made, with what was looked for."""
    folder = problem_folder(tmp_path / "problem", TOML.replace('name = "score"', 'name = "score"\ngpus = 1'))
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has a driver of GPUs")
    for command in (["run", folder, "--data", tmp_path / "data"], ["check", folder]):
        code, message, err = run(*command)
        assert code == ExitCode.MACHINE
        assert message in err
        assert "expected a GPU, since a stage of the problem asks for one (gpus = 1); none can be used here: " in message
        assert message.endswith("; use a machine with a device and its driver, or set gpus = 0")
    code, message, _ = run("audit", folder)
    assert (code, "expected a problem whose stages hold no GPU" in message) == (ExitCode.BAD_INPUT, True)
    assert not (tmp_path / "data").exists()


def test_a_language_that_only_models_change(tmp_path: Path, run: Run) -> None:
    folder = compiled_problem(tmp_path / "problem", Language.RUST)
    code, message, _ = run("run", folder, "--data", tmp_path / "data")
    assert code == ExitCode.BAD_INPUT
    assert "mutation and tuning know Python, C, C++" in message
    assert "--model" in message
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("language", COMPILED)
def test_a_vocabulary_where_there_is_no_python(language: Language, tmp_path: Path, run: Run) -> None:
    folder = compiled_problem(tmp_path / "problem", language, '[mutation]\nvocabulary = ["a"]\n')
    for command in (["run", folder, "--data", tmp_path / "data"], ["check", folder]):
        code, message, _ = run(*command)
        assert code == ExitCode.BAD_INPUT
        assert f"expected none in a problem in {LANGUAGES[language].title}, got 1 words" in message
    assert not (tmp_path / "data").exists()
