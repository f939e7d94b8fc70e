"""What happens when boxes themselves are hurt, and what a machine that lacks something is told."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from evaluators import probe as probing
from evaluators.confinement import Role
from evaluators.harness.galapagos_family import family
from evaluators.local_sandbox import LocalSandbox
from evaluators.probe import probe, require
from evaluators.sandbox import Cause, Packages, SandboxUnavailable, open_sandbox
from evolution.evaluation import Tier
from evolution.language import Language
from evolution.problem import problem_from_files
from tests.sandbox.jobs import PROBLEM, job
from tests.tiers import LOCAL

_ALIVE = "def f():\n    return 1\n"
_LOOPS = "def f():\n    while True: pass\n"


def _descendants() -> set[int]:
    return set(family(os.getpid()))


@pytest.mark.parametrize("tier", LOCAL)
@pytest.mark.parametrize("role", list(Role))
async def test_a_lost_box_is_a_host_fault_and_comes_back(tier: Tier, role: Role) -> None:
    before = _descendants()
    sandbox = LocalSandbox(tier, PROBLEM, Packages())
    await sandbox.start()
    task = asyncio.create_task(sandbox.run(job(_LOOPS, timeout_s=20)))
    await asyncio.sleep(0.3)
    process = sandbox._boxes[role]._process  # pyright: ignore[reportPrivateUsage] - the test is the one who hurts it
    assert process is not None
    for pid in list(family(process.pid)):
        os.kill(pid, signal.SIGKILL)
    result = await task
    assert result.cause is Cause.HOST_FAULT
    assert "to be repeated" in result.message
    assert (await sandbox.run(job(_ALIVE))).cause is Cause.OK
    await sandbox.close()
    await sandbox.close()
    assert _descendants() == before


@pytest.mark.parametrize("tier", LOCAL)
async def test_boxes_end_with_their_launcher(tier: Tier) -> None:
    script = f"""
import asyncio, sys
from tests.sandbox.jobs import PROBLEM, job
from evaluators.sandbox import Packages, open_sandbox
from evolution.evaluation import Tier
from evaluators.harness.galapagos_family import family
import os
async def main():
    sandbox = open_sandbox(Tier({tier.value!r}), PROBLEM, Packages())
    await sandbox.start()
    task = asyncio.create_task(sandbox.run(job("def f():\\n    while True: pass\\n", timeout_s=60)))
    await asyncio.sleep(0.3)
    print(*family(os.getpid()), flush=True)
    await task
asyncio.run(main())
"""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    pids = [int(word) for word in (await child.stdout.readline()).split()]
    assert len(pids) >= 4
    child.kill()
    await child.wait()
    for _ in range(200):
        left = [pid for pid in pids if b"zygote" in _command(pid)]
        if not left:
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"processes outlived their launcher: {left}")


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("text", "word"), [("raise OSError('no luck')", "no luck"), ("def (", "SyntaxError"), ("import absent", "absent")]
)
async def test_a_judge_that_does_not_load_is_named(text: str, word: str) -> None:
    files = {**PROBLEM.files, "judge.py": text.encode()}
    sandbox = open_sandbox(Tier.NAMESPACES, problem_from_files(files), Packages())
    await sandbox.start()
    result = await sandbox.run(job(_ALIVE))
    await sandbox.close()
    assert result.cause is Cause.JUDGE_ERROR
    assert word in result.message


def _set_mode(folder: Path, mode: int) -> None:
    folder.chmod(mode)


@pytest.mark.parametrize("tier", LOCAL)
async def test_extra_packages_reach_the_box_that_they_are_for(tier: Tier, open_folder: Path) -> None:
    (open_folder / "extra_package.py").write_text("value = 17\n")
    _set_mode(open_folder, 0o700)
    with pytest.raises(SandboxUnavailable, match="chmod"):
        await open_sandbox(tier, PROBLEM, Packages(candidate=open_folder)).start()
    _set_mode(open_folder, 0o755)
    source = "def f():\n    import importlib.util\n    return importlib.util.find_spec('extra_package') is not None\n"
    for packages, expected in ((Packages(candidate=open_folder), "True"), (Packages(judge=open_folder), "False")):
        sandbox = open_sandbox(tier, PROBLEM, packages)
        await sandbox.start()
        result = await sandbox.run(job(source))
        await sandbox.close()
        assert result.value is not None, result
        assert result.value.feedback == expected


def _within_reach(places: list[Path]) -> list[str]:
    """A command that shows `places` to every user, whatever folders they lie in; asks for root."""
    closed = {folder for place in places for folder in place.parents if not folder.stat().st_mode & 0o001}
    tops = {folder for folder in closed if not closed & set(folder.parents)}
    command = ["bwrap", "--dev-bind", "/", "/"]
    for top in sorted(tops):
        command += ["--perms", "0755", "--tmpfs", str(top)]
        for place in places:
            if place.is_relative_to(top):
                between = [folder for folder in reversed(place.parents) if folder.is_relative_to(top) and folder != top]
                for folder in between:
                    command += ["--perms", "0755", "--dir", str(folder)]
                command += ["--ro-bind", str(place), str(place)]
    return [*command, "--"]


_AS_NOBODY = """
import asyncio, os, sys
os.setgroups([])
os.setresgid(USER, USER, USER)
os.setresuid(USER, USER, USER)
from tests.sandbox.jobs import PROBLEM, job
from evaluators.sandbox import Packages, open_sandbox
from evolution.evaluation import Tier
SOURCES = (
    "def f():\\n    return 1\\n", "while True: pass", "def f():\\n    open('/usr/x', 'w')\\n", "import os\\nos._exit(0)",
    "def f():\\n    return bytearray(1 << 30)\\n",
)
FORKS = "import os\\ndef f():\\n    try:\\n        os.fork()\\n    except OSError:\\n        return 7\\n"
async def main():
    sandbox = open_sandbox(Tier(TIER), PROBLEM, Packages())
    await sandbox.start()
    for source in SOURCES:
        result = await sandbox.run(job(source, timeout_s=1.0))
        print(result.cause.value, result.message if result.cause.value == "host_fault" else "")
    print((await sandbox.run(job(FORKS, "clock"))).value.feedback)
    await sandbox.close()
asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="without root, every other test of this folder shows it")
@pytest.mark.parametrize("tier", LOCAL)
def test_it_works_without_root(tier: Tier, tmp_path: Path) -> None:
    repository = Path(__file__).parents[2]
    script = _AS_NOBODY.replace("USER", str(1 << 29)).replace("TIER", repr(tier.value))
    tmp_path.chmod(0o777)
    command = [
        *_within_reach([Path(sys.base_prefix), Path(sys.prefix), tmp_path, repository]),
        sys.executable,
        "-B",
        "-c",
        script,
    ]
    variables = {"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=repository, env=variables)
    answers = [line.strip() for line in done.stdout.splitlines()]
    assert answers == ["ok", "timed_out", "forbidden", "died", "out_of_memory", "[7]"], done.stdout + done.stderr


def test_the_probe_tells_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert probe() is probe()
    assert probe().tier is not None
    monkeypatch.setenv("PATH", str(tmp_path))
    probing.probe.cache_clear()
    try:
        found = probe()
        assert found.tier is Tier.PLAIN
        assert "bwrap" in found.reasons[0]
        assert "apt-get install" in found.fix[0]
        with pytest.raises(SandboxUnavailable, match="apt-get install"):
            require(Tier.NAMESPACES, Language.PYTHON)
        require(Tier.PLAIN, Language.PYTHON)
    finally:
        probing.probe.cache_clear()


def test_a_bwrap_that_fails_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    fake.chmod(0o755)
    switch = tmp_path / "switch"
    switch.write_text("1\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(probing, "_APPARMOR", switch)
    probing.probe.cache_clear()
    try:
        found = probe()
        assert found.tier is Tier.PLAIN
        assert found.fix == ("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",)
        switch.write_text("0\n")
        probing.probe.cache_clear()
        assert "Permission denied" in probe().reasons[0]
    finally:
        probing.probe.cache_clear()


def test_neither_namespaces_nor_landlock_is_no_tier(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(probing, "landlock_version", lambda: 0)
    probing.probe.cache_clear()
    try:
        assert probe().tier is None
        assert "Landlock" in probe().reasons[1]
        with pytest.raises(SandboxUnavailable, match="Landlock"):
            require(Tier.PLAIN, Language.PYTHON)
    finally:
        probing.probe.cache_clear()


@pytest.mark.skipif(os.geteuid() != 0, reason="asks for the right to kill a box's process as the kernel does")
async def test_a_kill_from_outside_is_not_the_candidates() -> None:
    sandbox = LocalSandbox(Tier.NAMESPACES, PROBLEM, Packages())
    await sandbox.start()
    task = asyncio.create_task(sandbox.run(job(_LOOPS, timeout_s=20)))
    await asyncio.sleep(0.3)
    process = sandbox._boxes[Role.CANDIDATE]._process  # pyright: ignore[reportPrivateUsage] - the test is the one who hurts it
    assert process is not None
    os.kill(list(family(process.pid))[-1], signal.SIGKILL)
    result = await task
    await sandbox.close()
    assert result.cause is Cause.HOST_FAULT
    assert "from outside" in result.message


async def test_folders_of_killed_launchers_are_swept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    abandoned, young = tmp_path / "galapagos-slot-abandoned", tmp_path / "galapagos-slot-young"
    for folder in (abandoned, young):
        (folder / "problem").mkdir(parents=True)
    os.utime(abandoned, (0, 0))
    sandbox = open_sandbox(Tier.NAMESPACES, PROBLEM, Packages())
    await sandbox.start()
    (held,) = _entries(tmp_path) - {abandoned, young}
    os.utime(held, (0, 0))
    assert not abandoned.exists()
    assert young.exists()
    other = open_sandbox(Tier.NAMESPACES, PROBLEM, Packages())
    await other.start()
    assert (held / "problem" / "judge.py").exists()
    await other.close()
    await sandbox.close()
    assert _entries(tmp_path) == {young}


def _entries(folder: Path) -> set[Path]:
    return set(folder.iterdir())
