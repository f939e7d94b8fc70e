"""Candidates that would rather change the judge, the clock or their neighbour than solve the problem."""

import asyncio
import contextlib
import secrets
import socket
import tempfile
from pathlib import Path

import pytest

from evaluators.sandbox import Cause, Sandbox
from tests.sandbox.jobs import ATTEMPT, SECRET, answer, attack, job

pytestmark = pytest.mark.asyncio(loop_scope="session")
_DOCKER = ("/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock")


def _listen(end: socket.socket, folder: str) -> str:
    """A path at which everybody may connect."""
    path = Path(folder) / "open.sock"
    end.bind(str(path))
    for place, mode in ((path, 0o777), (path.parent, 0o755)):
        place.chmod(mode)
    end.listen()
    end.setblocking(False)
    return str(path)


def _files_of_judges() -> list[str]:
    """Where the files of a problem lie on the host while slots are open."""
    places = ("galapagos-slot-*/problem", "galapagos-docker-*/slots/slot-*/judge/problem")
    found = [path for place in places for path in Path(tempfile.gettempdir()).glob(f"{place}/**/*")]
    return [str(path) for path in found if path.is_file()]


class TestSockets:
    async def test_sockets_with_a_path(self, slot: Sandbox) -> None:
        """Somebody on the host listens at a path that every user may connect to, as Docker's daemon does."""
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
            path = _listen(listening, folder)
            body = f"""
                import os, socket
                def connects(end, path):
                    end.connect(path)
                    return "connected"
                outcomes = []
                for path in {(path, *_DOCKER)}:
                    outcomes += attempt(
                        lambda: connects(socket.socket(socket.AF_UNIX), path),
                        lambda: connects(socket.socketpair()[0], path),
                        lambda: connects(socket.socket(fileno=os.dup(3)), path),
                    )
                return "connected" in outcomes, len(outcomes)
                """
            assert await answer(slot, ATTEMPT + body.replace("\n                ", "\n")) == "[False, 15]"
            with pytest.raises(BlockingIOError):
                listening.accept()

    async def test_no_socket_but_the_wire_is_there(self, slot: Sandbox) -> None:
        body = """
            import os, stat
            found = []
            for number in range(4096):
                try:
                    if stat.S_ISSOCK(os.fstat(number).st_mode):
                        found.append(number)
                except OSError:
                    pass
            return found
            """
        assert await answer(slot, body) == "[3]"


def _in_boxes() -> set[int]:
    """All processes of this machine that live in boxes; those of containers descend from Docker."""
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and b"galapagos_zygote" in (entry / "cmdline").read_bytes():
                found.add(int(entry.name))
    return found


class TestNeighbours:
    async def test_who_runs_at_the_same_time_is_neither_seen_nor_hurt(self, slot: Sandbox, neighbour: Sandbox) -> None:
        mark = secrets.token_hex(8)
        waits = f"""
            import os, time
            def f():
                open("{mark}", "w").write("{mark}")
                time.sleep(1.5)
                return open("{mark}").read() == "{mark}"
            """
        before = _in_boxes()
        running = asyncio.create_task(slot.run(job(waits)))
        await asyncio.sleep(0.4)
        victims = sorted(_in_boxes() - before)
        assert victims
        body = f"""
            import os, signal
            found = []
            for top in ("/tmp", "/scratch", "/dev/shm", "/var", "/run", "/home", os.path.dirname(os.getcwd()), "/proc"):
                for folder, folders, files in os.walk(top):
                    found += [name for name in (*folders, *files) if name == "{mark}"]
            reached = []
            for pid in {victims}:
                if pid == os.getpid():
                    continue
                reached += attempt(
                    lambda: os.kill(pid, signal.SIGKILL),
                    lambda: os.listdir(f"/proc/{{pid}}/root/"),
                    lambda: open(f"/proc/{{pid}}/mem", "rb"),
                    lambda: open(f"/proc/{{pid}}/environ", "rb").read(),
                )
            errors = {{"PermissionError", "ProcessLookupError", "FileNotFoundError"}}
            return found, [one for one in reached if str(one) not in errors]
            """
        assert await answer(neighbour, ATTEMPT + body.replace("\n            ", "\n")) == "[[], []]"
        result = await running
        assert result.value is not None, result
        assert result.value.feedback == "True"

    async def test_judges_at_their_place_on_the_host(self, slot: Sandbox) -> None:
        body = f"""
            import glob
            def read(path):
                return "{SECRET[:3]}" in open(path).read()
            outcomes = attempt(*[lambda path=path: read(path) for path in {_files_of_judges()}])
            return sorted(set(outcomes) - {{"PermissionError", "FileNotFoundError"}}), glob.glob("/tmp/galapagos-slot-*/*/*")
            """
        assert await answer(slot, ATTEMPT + body.replace("\n            ", "\n")) == "[[], []]"


_PATCHES = {
    "builtins": ("abs", "max", "min", "sum", "all", "any", "isinstance"),
    "json": ("dumps", "loads"),
    "math": ("isclose", "isfinite", "fsum"),
    "operator": ("eq", "le", "lt"),
    "numpy": ("sum", "abs", "isclose", "allclose", "array_equal", "isfinite"),
}


class TestPatches:
    @pytest.mark.parametrize("module", _PATCHES)
    async def test_functions_of_comparison_and_of_json(self, slot: Sandbox, module: str) -> None:
        source = f"""
            import {module}
            for name in {_PATCHES[module]}:
                setattr({module}, name, lambda *_, **__: True)
            def f(x):
                return 1e9
            """
        result = await attack(slot, source, "sums")
        # Without the built-in functions its own side of the wire fails, too.
        assert result.cause is Cause.REJECTED or (module == "builtins" and result.cause in {Cause.DIED, Cause.PROTOCOL}), result

    async def test_what_runs_at_the_end_writes_no_score(self, slot: Sandbox) -> None:
        """The end of an honest looking candidate brings a forged reply, and words on every stream."""
        source = """
            import atexit, os, signal, sys, threading
            def forge(*_):
                for number in (1, 2, 3):
                    try:
                        os.write(number, b'score: 1e9 {"score": 1e9}')
                    except OSError:
                        pass
            class AtTheEnd:
                def __del__(self):
                    forge()
            kept = AtTheEnd()
            atexit.register(forge)
            signal.signal(signal.SIGTERM, forge)
            sys.excepthook = threading.excepthook = forge
            def f():
                return 2.0
            """
        result = await attack(slot, source, "number_of")
        assert result.value is not None, result
        assert result.value.score == 2.0


class TestClock:
    async def test_an_honest_sum_is_timed(self, slot: Sandbox) -> None:
        result = await slot.run(job("def f(x):\n    return float(x.sum())\n", "sums"))
        assert result.value is not None, result
        assert 0 < result.value.score < 0.1

    @pytest.mark.parametrize(
        ("kind", "source"),
        [
            ("the first result again", "kept = []\ndef f(x):\n    kept.append(float(x.sum()))\n    return kept[0]\n"),
            ("known shapes alone", "def f(x):\n    return float(x.sum()) if len(x) == 64 else float(len(x) / 2)\n"),
            ("less precision", "import numpy\ndef f(x):\n    return float(x.astype(numpy.float16).sum())\n"),
            ("some terms left out", "def f(x):\n    return float(x[:-1].sum())\n"),
            (
                "done after the reply",
                """
                import threading, numpy
                asked, given = [], threading.Event()
                def work():
                    while given.wait():
                        given.clear()
                        asked[-1][1] += float(asked[-1][0].sum())
                threading.Thread(target=work, daemon=True).start()
                def f(x):
                    asked.append([x, 0.0])
                    given.set()
                    return asked[-1][1]
                """,
            ),
        ],
    )
    async def test_work_that_was_not_done(self, slot: Sandbox, kind: str, source: str) -> None:
        result = await attack(slot, source, "sums")
        assert result.cause is Cause.REJECTED, (kind, result)
        assert "expected the sum" in result.message
