"""Packages of a problem: installed once, locked, read-only, and never able to reach past the registry."""

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from evaluators.environments import Environments, ResolutionError
from evaluators.sandbox import Packages
from evolution.problem import Environment


def prepare(cache: Path, environment: Environment) -> Packages:
    return asyncio.run(Environments(cache).prepare(environment))


def test_no_packages_need_no_folder(tmp_path: Path) -> None:
    packages = prepare(tmp_path, Environment())
    assert (packages.candidate, packages.judge) == (None, None)
    assert not list(tmp_path.iterdir())


def test_packages_are_installed_locked_and_read_only(tmp_path: Path) -> None:
    packages = prepare(tmp_path, Environment(packages=("six==1.16.0",)))
    assert packages.judge is None
    assert packages.candidate is not None
    code = f"import sys; sys.path.insert(0, {str(packages.candidate)!r}); import six; print(six.__version__)"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "1.16.0"
    lock = (packages.candidate.parent / "requirements.lock").read_text()
    assert lock.startswith("six==1.16.0")
    assert "--hash=sha256:" in lock
    writable = [
        path for path in [packages.candidate.parent, *packages.candidate.parent.rglob("*")] if path.stat().st_mode & 0o222
    ]
    assert writable == []
    assert stat.S_IMODE(packages.candidate.parent.stat().st_mode) == 0o555


def test_candidate_and_judge_may_differ_and_the_cache_is_hit(tmp_path: Path) -> None:
    first = prepare(tmp_path, Environment(packages=("six==1.16.0",), judge_packages=("six==1.15.0",)))
    assert first.candidate is not None
    assert first.candidate != first.judge
    stamp = first.candidate.stat().st_ctime_ns
    again = prepare(tmp_path, Environment(packages=(" six==1.16.0",)))
    assert again.candidate == first.candidate
    assert first.candidate.stat().st_ctime_ns == stamp


def test_many_at_once_make_one_folder(tmp_path: Path) -> None:
    async def many() -> list[Packages]:
        wanted = Environment(packages=("six",))
        return await asyncio.gather(*(Environments(tmp_path).prepare(wanted) for _ in range(4)))

    made = asyncio.run(many())
    assert made[0].candidate is not None
    assert {packages.candidate for packages in made} == {made[0].candidate}
    assert [path for path in (tmp_path / "environments").iterdir() if path.is_dir()] == [made[0].candidate.parent]


def test_what_a_killed_installer_left_is_cleared_away(tmp_path: Path) -> None:
    first = prepare(tmp_path / "one", Environment(packages=("six",)))
    assert first.candidate is not None
    left_over = tmp_path / "two" / "environments" / f"{first.candidate.parent.name}.abc.part"
    (left_over / "site").mkdir(parents=True)
    second = prepare(tmp_path / "two", Environment(packages=("six",)))
    assert second.candidate is not None
    assert (second.candidate / "six.py").exists()
    assert not left_over.exists()


def test_an_unknown_package_is_named_with_the_installers_words(tmp_path: Path) -> None:
    name = "galapagos-no-such-package-zq"
    with pytest.raises(ResolutionError, match=name) as caught:
        prepare(tmp_path, Environment(packages=(name,)))
    assert "The installer said:" in str(caught.value)
    assert [path.suffix for path in (tmp_path / "environments").iterdir()] == [".lock"]


def test_numpy_stays_the_version_of_the_boxes(tmp_path: Path) -> None:
    with pytest.raises(ResolutionError, match=r"numpy==1\.20"):
        prepare(tmp_path, Environment(packages=("numpy==1.20",)))
    packages = prepare(tmp_path, Environment(packages=("numpy",)))
    assert packages.candidate is not None
    assert not (packages.candidate / "numpy").exists()


@pytest.mark.parametrize(
    "requirement",
    ["-r /etc/passwd", "--index-url=x", "six @ file:///tmp/six", "./six", "six; python_version<'4'", "", "six\n-e ."],
)
def test_only_names_and_versions_are_accepted(tmp_path: Path, requirement: str) -> None:
    with pytest.raises(ResolutionError, match="names with optional extras and versions"):
        prepare(tmp_path, Environment(packages=(requirement,)))
    assert not list(tmp_path.iterdir())


def test_our_own_secrets_do_not_reach_the_installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for uv tells which variables it was started with."""
    fake = tmp_path / "uv"
    fake.write_text(f"#!{sys.executable}\nimport os, sys\nsys.stderr.write(' '.join(os.environ)); sys.exit(1)\n")
    fake.chmod(0o755)
    monkeypatch.setattr("evaluators.environments.find_uv_bin", lambda: os.fspath(fake))
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("GALAPAGOS_DATABASE_URL", "secret")
    with pytest.raises(ResolutionError) as caught:
        prepare(tmp_path / "cache", Environment(packages=("six",)))
    assert "PATH" in str(caught.value)
    assert "OPENAI_API_KEY" not in str(caught.value)
    assert "GALAPAGOS_DATABASE_URL" not in str(caught.value)
