"""The rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "evolution",
    "database",
    "controller",
    "workers",
    "evaluators",
    "server",
    "galapagos",
    "problems",
    "benchmarks",
    "migrations",
)
BANNED = {"utils", "util", "helpers", "helper", "common", "core", "manager", "managers", "misc"}
FILE_LINES = 400
FUNCTION_LINES = 60


def _tracked(*arguments: str) -> list[str]:
    listing = subprocess.run(["git", "ls-files", "-z", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listing.split("\0") if name]


def _sources() -> list[Path]:
    names = _tracked("--cached", "--others", "--exclude-standard", "*.py", "*.sh", "*.jinja", "*.c", "*.ts", "*.tsx", "*.css")
    return [path for path in (ROOT / name for name in names) if path.exists()]


def _long_functions(source: str) -> list[str]:
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [
        f"{node.name} ({length} lines)"
        for node in functions
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    ]


def test_there_are_sources_to_judge() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in _sources()}
    assert {"evolution/problem.py", "galapagos/__init__.py", "tests/style/test_house_rules.py"} <= names


def test_no_file_is_long() -> None:
    long = {path.name: lines for path in _sources() if (lines := len(path.read_text().splitlines())) > FILE_LINES}
    assert not long, f"files above {FILE_LINES} lines: {long}"


def test_no_function_is_long() -> None:
    """A migration is left out: it is a list of a schema's parts, written once and never changed."""
    long = {
        str(path.relative_to(ROOT)): found
        for path in _sources()
        if path.suffix == ".py" and "versions" not in path.parts and (found := _long_functions(path.read_text()))
    }
    assert not long, f"functions above {FUNCTION_LINES} lines: {long}"


def test_the_measure_of_functions_can_fail() -> None:
    assert _long_functions("def f():\n" + "    x = 1\n" * FUNCTION_LINES) == ["f (61 lines)"]
    assert _long_functions("def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1)) == []


def test_no_module_is_named_after_nothing() -> None:
    named = [
        str(path.relative_to(ROOT)) for path in _sources() if path.stem in BANNED or set(path.relative_to(ROOT).parts) & BANNED
    ]
    assert not named, f"a module is named after what it holds, not {sorted(BANNED)}: {named}"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_hides_another_distribution(package: str) -> None:
    owners = set(packages_distributions().get(package, [])) - {"galapagos"}
    assert not owners, f"the package {package!r} is also installed by {owners}"
    assert package not in sys.stdlib_module_names


def test_every_top_level_package_is_known_to_this_test() -> None:
    found = {Path(name).parts[0] for name in _tracked("*/*.py")} - {"tests", "scripts"}
    assert found <= set(PACKAGES), f"add to PACKAGES: {found - set(PACKAGES)}"


def test_nothing_ignored_is_tracked() -> None:
    assert _tracked("--cached", "--ignored", "--exclude-standard") == []


def test_lock_files_name_no_host() -> None:
    locks = [name for name in _tracked() if name.endswith((".lock", "package-lock.json"))]
    assert "requirements.lock" in locks
    for name in locks:
        text = (ROOT / name).read_text()
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host", text), f"{name} names a host"


def test_every_locked_requirement_has_a_hash() -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text().strip())
    assert len(entries) > 20
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_licence_is_apache() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text


def test_ci_calls_the_test_command_of_the_readme() -> None:
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "exec make test"
    assert "bash .ci/run" in (ROOT / ".github/workflows/test.yml").read_text()
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme
    assert len(readme.splitlines()) <= 150


def test_every_target_of_the_makefile_is_there_once() -> None:
    text = (ROOT / "Makefile").read_text()
    (promised,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert sorted(re.findall(r"^([a-z-]+):", text, re.MULTILINE)) == sorted(promised.split())
