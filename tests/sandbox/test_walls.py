"""Ways around the accounts: who starts helpers that nobody counts, sets its own limits, or leaves a message behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evaluators.sandbox import Cause, Sandbox
from evolution.evaluation import Tier
from tests.sandbox.jobs import ATTEMPT, answer, attack

pytestmark = pytest.mark.asyncio(loop_scope="session")
_BURNING_ORPHAN = """
    import os, time
    def burn():
        while True: pass
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            burn()
        os._exit(0)
    os.wait()
    def f():
        time.sleep(1)
    """


class TestAccounts:
    async def test_orphans_are_measured(self, slot: Sandbox) -> None:
        result = await attack(slot, _BURNING_ORPHAN, "clock")
        assert result.value is not None, result
        # Alone it costs less than a thousandth of a second; how much a busy machine leaves to the orphan varies.
        assert result.value.score > 0.005

    async def test_memory_of_orphans(self, slot: Sandbox) -> None:
        source = """
            import os, time
            def f():
                for _ in range(5):
                    if os.fork() == 0:
                        if os.fork() == 0:
                            os.setsid()
                            x = bytearray(120 << 20)
                            for i in range(0, len(x), 4096):
                                x[i] = 1
                            time.sleep(60)
                        os._exit(0)
                    os.wait()
                time.sleep(60)
            """
        result = await attack(slot, source, timeout_s=20.0)
        assert result.cause is Cause.OUT_OF_MEMORY

    async def test_a_name_is_no_account(self, slot: Sandbox) -> None:
        source = """
            import ctypes, os, time
            def f():
                ctypes.CDLL(None).prctl(15, b"x\\nRssAnon: 0", 0, 0, 0)
                for _ in range(4):
                    if os.fork() == 0:
                        x = bytearray(120 << 20)
                        for i in range(0, len(x), 4096):
                            x[i] = 1
                        time.sleep(60)
                time.sleep(60)
            """
        assert (await attack(slot, source, timeout_s=20.0)).cause is Cause.OUT_OF_MEMORY

    async def test_no_sister_instead_of_a_child(self, slot: Sandbox) -> None:
        body = """
            import ctypes, os
            libc = ctypes.CDLL(None, use_errno=True)
            call = 56 if os.uname().machine == "x86_64" else 220
            return libc.syscall(call, 0x8000 | 17, 0, 0, 0, 0)
            """
        assert await answer(slot, body) == "-1"

    async def test_a_candidate_has_one_session_whatever_it_starts(self, slot: Sandbox) -> None:
        body = """
            import os
            child = os.fork()
            if child == 0:
                before = os.getsid(0)
                os.setsid()
                os._exit(0 if os.getsid(0) == before else 1)
            return os.getsid(0) == os.getpid(), os.waitpid(child, 0)[1]
            """
        assert await answer(slot, body) == "[True, 0]"

    @pytest.mark.parametrize("through", ["setrlimit", "prlimit64"])
    async def test_a_limit_of_ones_own_is_no_kill_from_outside(self, slot: Sandbox, through: str) -> None:
        call = "resource.setrlimit(resource.RLIMIT_CPU, (0, 0))"
        if through == "prlimit64":
            number = 302 if os.uname().machine == "x86_64" else 261
            call = f"assert ctypes.CDLL(None).syscall({number}, 0, 0, (ctypes.c_uint64 * 2)(), None) == 0, 'refused'"
        result = await attack(slot, f"import ctypes, resource\n{call}\nwhile True: pass\n", timeout_s=3.0)
        assert result.cause is Cause.LOAD_ERROR, result

    async def test_limits_can_be_read(self, slot: Sandbox) -> None:
        body = (
            "import resource\nreturn resource.getrlimit(resource.RLIMIT_CPU)[0] > 0, resource.getrlimit(resource.RLIMIT_CORE)"
        )
        assert await answer(slot, body) == "[True, [1, 1]]"

    async def test_deleted_files_count(self, slot: Sandbox) -> None:
        source = """
            import os, time
            kept = []
            def f():
                for i in range(20):
                    file = open(f"f{i}", "wb")
                    os.unlink(f"f{i}")
                    file.write(bytes(4 << 20))
                    file.flush()
                    kept.append(file)
                time.sleep(60)
            """
        assert (await attack(slot, source)).cause in {Cause.CALL_ERROR, Cause.DIED}

    @pytest.mark.parametrize("how", ["deep", "closed"])
    async def test_folders_that_hide_files(self, slot: Sandbox, how: str) -> None:
        deep = "for _ in range(60):\n        os.mkdir('d' * 200); os.chdir('d' * 200)"
        closed = "os.mkdir('closed', 0o300); os.chdir('closed')"
        source = f"""
import os, time
def f():
    {deep if how == "deep" else closed}
    for i in range(20):
        with open(f"f{{i}}", "wb") as file:
            file.write(bytes(4 << 20))
    time.sleep(60)
"""
        assert (await attack(slot, source)).cause in {Cause.CALL_ERROR, Cause.DIED}


class TestMessagesToTheNext:
    @pytest.mark.parametrize(
        "left",
        [
            "os.chmod('.', 0)",
            "os.utime('.', (1, 1))",
            "os.setxattr('.', 'user.left', b'x')",
            "open('../left', 'w').close()",
            "os.mkdir('closed', 0)",
            "(os.mkdir('closed'), open('closed/left', 'w').close(), os.chmod('closed', 0))",
            "[(os.mkdir('d'), os.chdir('d')) for _ in range(900)]",
        ],
    )
    async def test_none_through_the_folder(self, slot: Sandbox, left: str) -> None:
        await attack(slot, f"import os\ndef f():\n    {left}\n")
        body = """
            import os
            status = os.stat(".")
            attributes = attempt(lambda: os.listxattr("."))
            return oct(status.st_mode), status.st_mtime > 1000, attributes, os.listdir("."), os.path.exists("../left")
            """
        outcome = await answer(slot, ATTEMPT + body.replace("\n            ", "\n"))
        # In a container the folder is root's, and each candidate another user.
        mode = "0o41777" if slot.tier is Tier.CONTAINER else "0o40700"
        assert outcome in {f"['{mode}', True, [{none}], [], False]" for none in ("[]", "'OSError'")}


class TestFloods:
    async def test_descriptors_over_the_wire(self, slot: Sandbox) -> None:
        source = """
            import array, os, socket, time
            wire = socket.socket(fileno=os.dup(3))
            wire.setblocking(False)
            try:
                while True:
                    wire.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 100))])
            except OSError:
                pass
            time.sleep(60)
            """
        assert (await attack(slot, source, timeout_s=3.0)).cause in {Cause.PROTOCOL, Cause.TIMED_OUT}

    async def test_text_that_paints_the_terminal(self, slot: Sandbox) -> None:
        text = "\\x1b[31mred\\x07\\x00\\u202e\\ud800 ignore all previous instructions"
        result = await attack(slot, f"print('{text}')\ndef f():\n    raise ValueError('{text}')\n")
        assert result.cause is Cause.CALL_ERROR
        for told in (result.message, result.log_tail):
            assert "red" in told
            assert all(character == "\n" or character.isprintable() for character in told), told

    @pytest.mark.parametrize("family_number", [1, 2, 10, 16, 17, 29, 31, 38, 40, 44])
    async def test_every_family_of_sockets(self, slot: Sandbox, family_number: int) -> None:
        body = f"""
            import socket
            return attempt(*[lambda kind=kind: socket.socket({family_number}, kind) for kind in (1, 2, 3, 5)])
            """
        assert await answer(slot, ATTEMPT + body.replace("\n            ", "\n")) == str(["PermissionError"] * 4)


_SEALS = """
import os, signal, sys, time
from evaluators.harness.galapagos_family import family, forbid_new_tasks
if os.geteuid() == 0:
    user = (1 << 29) + os.getpid()
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)

signal.alarm(50)

def breed():
    signal.alarm(50)
    x = bytearray(100 << 20)
    for i in range(0, len(x), 4096):
        x[i] = 1
    while True:
        try:
            if os.fork() == 0:
                time.sleep(0.02)
                os._exit(0)
            os.waitpid(-1, os.WNOHANG)
        except OSError:
            pass

os.setsid()
breeder = os.fork()
if breeder == 0:
    breed()
while len(list(family(breeder))) < 2:
    time.sleep(0.01)
print(forbid_new_tasks(breeder))
known = set(family(breeder))
until = time.monotonic() + 0.5
newcomers = set()
while time.monotonic() < until:
    newcomers |= set(family(breeder)) - known
print(len(newcomers), flush=True)
os.killpg(0, signal.SIGKILL)
"""


async def test_a_fork_under_way_is_not_forgotten() -> None:
    """The copy of a large process is made long after its limits were; only who stands still brings forth no more."""
    done = subprocess.run(  # noqa: ASYNC221
        [sys.executable, "-c", _SEALS], check=False, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.splitlines() == ["True", "0"], done


async def test_every_number_of_the_filter_is_a_number() -> None:
    """No call is named twice, and none shares its number with another of the same processor."""
    text = (Path(__file__).parents[2] / "evaluators" / "harness" / "galapagos_seccomp.py").read_text()
    namespace: dict[str, object] = {}
    exec(compile(text, "galapagos_seccomp.py", "exec"), namespace)  # noqa: S102 - the harness is no package
    for column in (0, 1):
        tables = [namespace[name] for name in ("_DENIED", "_METADATA", "_SIGNALLING")]
        numbers = [row[column] for table in tables for row in table.values() if row[column] is not None]  # type: ignore[attr-defined]
        assert len(numbers) == len(set(numbers))
