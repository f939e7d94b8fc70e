"""What candidates may try: each attempt gets its cause, and the next candidate finds the slot as new."""

import os
import secrets
import socket
import time
from pathlib import Path

import pytest

from evaluators.sandbox import Cause, Sandbox
from evolution.evaluation import Tier
from evolution.problem import Limits
from tests.sandbox.jobs import SECRET, answer, attack, job

pytestmark = pytest.mark.asyncio(loop_scope="session")

ATTEMPT = """
def attempt(*tries):
    outcomes = []
    for one in tries:
        try:
            outcomes.append(one())
        except Exception as error:
            outcomes.append(type(error).__name__)
    return outcomes
"""


class TestStarvation:
    @pytest.mark.parametrize("place", ["at import", "in a call"])
    async def test_endless_loops(self, slot: Sandbox, place: str) -> None:
        source = "while True: pass\n" if place == "at import" else "def f():\n    while True: pass\n"
        result = await attack(slot, source, timeout_s=0.5)
        assert result.cause is Cause.TIMED_OUT
        assert 0.4 < result.duration_s < 2

    async def test_a_calls_own_timeout(self, slot: Sandbox) -> None:
        result = await attack(slot, "def f():\n    while True: pass\n", "evaluate_slowly")
        assert result.cause is Cause.TIMED_OUT
        assert result.duration_s < 2

    async def test_ignored_signals(self, slot: Sandbox) -> None:
        source = """
            import signal
            for number in range(1, 65):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
            def f():
                while True: pass
            """
        assert (await attack(slot, source, timeout_s=0.5)).cause is Cause.TIMED_OUT

    async def test_stopping_itself(self, slot: Sandbox) -> None:
        source = "import os, signal, time\ndef f():\n    os.kill(os.getpid(), signal.SIGSTOP)\n    time.sleep(9)\n"
        assert (await attack(slot, source, timeout_s=0.5)).cause is Cause.TIMED_OUT

    @pytest.mark.parametrize("what", ["os.fork()", "threading.Thread(target=time.sleep, args=(99,)).start()"])
    async def test_bombs_of_forks_and_threads(self, slot: Sandbox, what: str) -> None:
        source = f"import os, threading, time\ndef f():\n    while True:\n        {what}\n"
        result = await attack(slot, source, timeout_s=2)
        assert result.cause in {Cause.CALL_ERROR, Cause.DIED, Cause.TIMED_OUT, Cause.PROTOCOL}

    async def test_a_fork_bomb_that_catches_refusals(self, slot: Sandbox) -> None:
        source = """
            import os
            def f():
                while True:
                    try:
                        if os.fork() == 0:
                            os.setsid()
                    except OSError:
                        pass
            """
        result = await attack(slot, source, timeout_s=1)
        assert result.cause in {Cause.DIED, Cause.TIMED_OUT}

    async def test_memory_in_one_process(self, slot: Sandbox) -> None:
        result = await attack(slot, "def f():\n    x = []\n    while True:\n        x.append(bytearray(1 << 20))\n")
        assert result.cause is Cause.OUT_OF_MEMORY
        assert result.peak_memory_mib < 400

    async def test_one_large_array(self, slot: Sandbox) -> None:
        assert (await attack(slot, "import numpy\ndef f():\n    return numpy.ones(1 << 40)\n")).cause is Cause.OUT_OF_MEMORY

    async def test_memory_in_many_processes(self, slot: Sandbox) -> None:
        source = """
            import os, time
            def f():
                for _ in range(5):
                    if os.fork() == 0:
                        x = bytearray(120 << 20)
                        for i in range(0, len(x), 4096):
                            x[i] = 1
                        time.sleep(60)
                time.sleep(60)
            """
        result = await attack(slot, source, limits=Limits(memory_mib=256, processes=8, files_mib=16))
        assert result.cause is Cause.OUT_OF_MEMORY
        assert result.duration_s < 5

    async def test_a_full_disk(self, slot: Sandbox) -> None:
        source = """
            def f():
                for i in range(8):
                    with open(f"file{i}", "wb") as file:
                        for _ in range(64):
                            file.write(bytes(1 << 20))
            """
        assert (await attack(slot, source)).cause is Cause.CALL_ERROR

    async def test_a_full_shared_memory(self, slot: Sandbox) -> None:
        source = """
            from multiprocessing import shared_memory
            def f():
                memory = shared_memory.SharedMemory(create=True, size=64 << 20)
                memory.buf[:] = bytes(64 << 20)
            """
        assert (await attack(slot, source)).cause in {Cause.CALL_ERROR, Cause.FORBIDDEN, Cause.DIED}

    async def test_all_inodes(self, slot: Sandbox) -> None:
        if slot.tier is Tier.PLAIN:
            pytest.skip("tier plain does not count files: they lie in a folder of the host and go with the candidate")
        source = "def f():\n    for i in range(100000):\n        open(f'file{i}', 'w').close()\n"
        result = await attack(slot, source)
        assert result.cause is Cause.CALL_ERROR
        assert "No space left" in result.message

    async def test_all_descriptors(self, slot: Sandbox) -> None:
        source = "import os\ndef f():\n    return [os.open('/dev/null', 0) for _ in range(5000)]\n"
        result = await attack(slot, source)
        assert result.cause is Cause.CALL_ERROR
        assert "Too many open files" in result.message

    async def test_a_flood_of_output(self, slot: Sandbox) -> None:
        source = "import os\ndef f():\n    for _ in range(3000):\n        print('x' * 1000)\n    os.system('yes | head -c 1000000')\n    return 1\n"
        result = await attack(slot, source)
        assert result.cause is Cause.OK
        assert 0 < len(result.log_tail) <= 4000


class TestReachingOut:
    async def test_sockets(self, slot: Sandbox) -> None:
        name = f"\\0galapagos-{secrets.token_hex(8)}"
        with socket.socket(socket.AF_UNIX) as abstract, socket.socket() as tcp:
            abstract.bind(name.replace("\\0", "\0"))
            abstract.listen()
            tcp.bind(("127.0.0.1", 0))
            tcp.listen()
            body = f"""
                import socket
                def connects(family, kind, address):
                    socket.socket(family, kind).connect(address)
                    return "connected"
                return attempt(
                    lambda: connects(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", {tcp.getsockname()[1]})),
                    lambda: connects(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 53)),
                    lambda: connects(socket.AF_INET6, socket.SOCK_STREAM, ("::1", 80)),
                    lambda: connects(socket.AF_UNIX, socket.SOCK_STREAM, "{name}"),
                    lambda: connects(socket.AF_NETLINK, socket.SOCK_RAW, (0, 0)),
                    lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM),
                    lambda: len(socket.socketpair()),
                )
                """
            outcomes = await answer(slot, ATTEMPT + body.replace("\n                ", "\n"))
        assert outcomes == str(["PermissionError"] * 6 + [2])

    async def test_a_socket_that_is_not_caught_is_forbidden(self, slot: Sandbox) -> None:
        result = await attack(slot, "import socket\ndef f():\n    socket.create_connection(('1.1.1.1', 80))\n")
        assert result.cause is Cause.FORBIDDEN
        assert "PermissionError" in result.message
        assert "galapagos_candidate" not in result.message

    @pytest.mark.parametrize(
        ("name", "number"),
        [("ptrace", 101), ("unshare", 272), ("mount", 165), ("bpf", 321), ("keyctl", 250), ("io_uring_setup", 425)]
        + [("process_vm_readv", 310), ("perf_event_open", 298), ("memfd_create", 319), ("shmget", 29), ("setns", 308)],
    )
    async def test_system_calls(self, slot: Sandbox, name: str, number: int) -> None:
        if os.uname().machine != "x86_64":
            numbers = {"ptrace": 117, "unshare": 97, "mount": 40, "bpf": 280, "keyctl": 219, "process_vm_readv": 270}
            numbers |= {"perf_event_open": 241, "memfd_create": 279, "shmget": 194, "setns": 268, "io_uring_setup": 425}
            number = numbers[name]
        body = f"""
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            return libc.syscall({number}, 0, 0, 0, 0), ctypes.get_errno()
            """
        assert await answer(slot, body) == "[-1, 1]"

    async def test_new_namespaces(self, slot: Sandbox) -> None:
        body = """
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            call = 56 if ctypes.sizeof(ctypes.c_void_p) == 8 and __import__("os").uname().machine == "x86_64" else 220
            outcome = []
            for flag in (0x10000000, 0x20000000, 0x00020000, 0x40000000):
                outcome.append((libc.syscall(call, flag | 17, 0, 0, 0, 0), ctypes.get_errno()))
            return outcome
            """
        assert await answer(slot, body) == str([[-1, 1]] * 4)

    async def test_another_architecture(self, slot: Sandbox) -> None:
        if os.uname().machine != "x86_64":
            pytest.skip("only x86_64 has a second convention for system calls that every program may try")
        source = "import ctypes\ndef f():\n    ctypes.CDLL(None).syscall(0x40000000 + 39)\n"
        assert (await attack(slot, source)).cause is Cause.FORBIDDEN

    async def test_signals_to_others(self, slot: Sandbox) -> None:
        body = f"""
            import os, signal
            reached = []
            for pid in (1, os.getppid(), {os.getpid()}, -1):
                if pid in (0, os.getpid()) or (pid == 1 and os.getpid() == 1):
                    continue
                try:
                    os.kill(pid, signal.SIGKILL if pid != -1 else 0)
                    reached.append(pid)
                except OSError:
                    pass
            return [pid for pid in reached if pid != -1]
            """
        assert await answer(slot, body) == "[]"


class TestReading:
    async def test_the_judges_files_and_the_host(self, slot: Sandbox) -> None:
        places = [Path(__file__), Path.home() / ".bashrc", Path("/etc/passwd"), Path("/etc/shadow"), Path("/proc/1/environ")]
        places += [Path("/proc/self/environ"), Path(f"/proc/{os.getppid()}/cmdline"), Path("/sys/kernel/notes"), Path("/problem/judge.py")]
        body = f"""
            return attempt(*[lambda path=path: open(path, "rb").read(1) for path in {[str(place) for place in places]}])
            """
        outcomes = await answer(slot, ATTEMPT + body.replace("\n            ", "\n"))
        assert set(eval(outcomes)) <= {"FileNotFoundError", "PermissionError", "NotADirectoryError"}  # noqa: S307 - our own list

    async def test_a_search_of_the_file_system_finds_no_secret(self, slot: Sandbox) -> None:
        body = """
            import os
            found = []
            for top in ("/problem", "/galapagos", "/tmp", "/scratch", "/home", "/root", "/work", "/dev/shm", "/proc", "/run", "/var"):
                for folder, _, files in os.walk(top):
                    for name in files:
                        if name in ("judge.py", "data.txt", "problem.toml"):
                            found.append(os.path.join(folder, name))
            return found
            """
        assert await answer(slot, body, timeout_s=20.0) == "[]"

    async def test_its_memory_and_descriptors(self, slot: Sandbox) -> None:
        body = """
            import gc, os, sys
            secret = "-".join(("the", "answer", "is", "4711"))
            seen = sum(isinstance(o, (str, dict, list)) and secret in str(o)[:10000] for o in gc.get_objects())
            frame, names = sys._getframe(1), 0
            while frame:
                names += sum(secret in str(value)[:10000] for value in frame.f_locals.values())
                frame = frame.f_back
            count = 0
            for number in range(1000):
                try:
                    os.fstat(number)
                    count += 1
                except OSError:
                    pass
            return [seen, names, count]
            """
        assert SECRET == "-".join(("the", "answer", "is", "4711"))
        seen, names, count = eval(await answer(slot, body))  # noqa: S307 - our own list
        assert (seen, names) == (0, 0)
        # Standard streams, the wire, and its own source.
        assert count <= 5

    async def test_other_processes(self, slot: Sandbox) -> None:
        result = await attack(slot, "import os\ndef f():\n    return os.listdir('/proc')\n")
        assert result.cause is Cause.FORBIDDEN


class TestWriting:
    async def test_outside_its_space(self, slot: Sandbox) -> None:
        body = """
            import json, os, numpy
            places = [json.__file__, numpy.__file__, "/usr/left", "/left", "/dev/left", "/galapagos/left", "/problem/left", "/etc/left"]
            places += ["/proc/sys/kernel/hostname", "/proc/self/oom_score_adj", "/sys/fs/cgroup/left", os.path.dirname(os.getcwd()) + "/../left"]
            return attempt(*[lambda path=path: open(path, "a").write("x") for path in places])
            """
        outcomes = await answer(slot, ATTEMPT + body.replace("\n            ", "\n"))
        assert set(eval(outcomes)) <= {"FileNotFoundError", "PermissionError", "OSError", "NotADirectoryError"}  # noqa: S307

    async def test_a_write_that_is_not_caught_is_forbidden(self, slot: Sandbox) -> None:
        result = await attack(slot, "def f():\n    open('/usr/score.json', 'w').write('1e9')\n")
        assert result.cause is Cause.FORBIDDEN

    async def test_nothing_is_left_for_the_next(self, slot: Sandbox) -> None:
        source = """
            import os, pathlib, socket, subprocess, tempfile, time
            pathlib.Path("left").write_text("x")
            os.makedirs("deep/deeper", exist_ok=True)
            tempfile.mkstemp()
            for name in ("/dev/shm/left", "/tmp/left"):
                try:
                    pathlib.Path(name).write_text("x")
                except OSError:
                    pass
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(60)
                os._exit(0)
            import json, math, numpy
            json.dumps = math.sqrt = numpy.sum = lambda *_: 0
            def f():
                return 1
            """
        assert (await slot.run(job(source))).cause is Cause.OK
        body = """
            import json, math, os, subprocess
            import numpy
            left = os.listdir(".")
            for folder in ("/dev/shm", "/tmp"):
                try:
                    left += [name for name in os.listdir(folder) if name == "left"]
                except OSError:
                    pass
            return [left, json.dumps(1), math.sqrt(4), int(numpy.sum([1, 2]))]
            """
        assert await answer(slot, body) == "[[], '1', 2.0, 3]"
        sleeping = [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"galapagos_zygote" in _read(path)]
        assert len([path for path in sleeping if _age_s(path.parent) < 60 and _parent(path.parent) == 1]) == 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _stat(folder: Path) -> list[str]:
    return _read(folder / "stat").decode().rpartition(")")[2].split()


def _parent(folder: Path) -> int:
    fields = _stat(folder)
    return int(fields[1]) if fields else -1


def _age_s(folder: Path) -> float:
    fields = _stat(folder)
    if not fields:
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")


class TestCheatingInProcess:
    async def test_ending_with_success_is_no_result(self, slot: Sandbox) -> None:
        result = await attack(slot, "import os\nprint('score: 1e9')\ndef f():\n    os._exit(0)\n")
        assert result.cause is Cause.DIED
        assert "exit status 0" in result.message
        assert (await attack(slot, "import os\nos._exit(0)\n")).cause is Cause.DIED

    async def test_exits_and_crashes(self, slot: Sandbox) -> None:
        result = await attack(slot, "import ctypes\ndef f():\n    ctypes.string_at(0)\n")
        assert result.cause is Cause.DIED
        assert "SIGSEGV" in result.message
        assert (await attack(slot, "import sys\ndef f():\n    sys.exit(0)\n")).cause is Cause.CALL_ERROR
        assert (await attack(slot, "import os\ndef f():\n    os.abort()\n")).cause is Cause.DIED

    async def test_patched_clocks_do_not_stop_the_clock(self, slot: Sandbox) -> None:
        source = """
            import json, sys, time
            real = time.process_time
            time.monotonic = time.time = time.perf_counter = time.process_time = lambda: 0.0
            def f():
                end = real() + 0.3
                while real() < end: pass
                return 0.0
            """
        result = await attack(slot, source, "clock")
        assert result.value is not None, result
        assert result.value.score > 0.29

    async def test_objects_that_lie_arrive_as_plain_data_or_not_at_all(self, slot: Sandbox) -> None:
        source = """
            class Liar(float):
                def __eq__(self, other): return True
                def __lt__(self, other): return False
                def __float__(self): return 1e9
            class Opaque:
                def __eq__(self, other): return True
            def f():
                return VALUE
            """
        for value in ("Opaque()", "{1: 2}", "f", "[Opaque()]", "{'a': object()}", "1 << 70", "numpy.array([Opaque()], dtype=object)"):
            result = await attack(slot, "import numpy\n" + _dedent(source).replace("VALUE", value))
            assert result.cause in {Cause.INVALID_OUTPUT, Cause.PROTOCOL}, (value, result)
        result = await attack(slot, _dedent(source).replace("VALUE", "Liar(2.0)"), "number_of")
        assert result.cause is Cause.INVALID_OUTPUT or (result.value is not None and result.value.score == 2.0)

    @pytest.mark.parametrize("value", ["float('nan')", "float('inf')", "True", "'1e9'", "None", "1 << 63", "[1.0]"])
    async def test_values_that_are_no_scores(self, slot: Sandbox, value: str) -> None:
        result = await attack(slot, f"def f():\n    return {value}\n", "number_of")
        if value == "1 << 63":
            assert result.value is not None
            assert result.value.score == float(1 << 63)
        else:
            assert result.cause is Cause.JUDGE_ERROR
            assert "expected" in result.message

    async def test_an_exception_that_fights_back(self, slot: Sandbox) -> None:
        source = """
            class Bad(BaseException):
                def __str__(self): raise self
                __repr__ = __str__
            def f():
                raise Bad()
            """
        assert (await attack(slot, source)).cause is Cause.CALL_ERROR

    async def test_errors_are_told_briefly(self, slot: Sandbox) -> None:
        result = await attack(slot, "def f():\n    raise ValueError('x' * 100000)\n")
        assert result.cause is Cause.CALL_ERROR
        assert len(result.message) <= 4000
        result = await attack(slot, "def f(:\n")
        assert result.cause is Cause.LOAD_ERROR
        assert "SyntaxError" in result.message
        assert "program.py" in result.message
        assert (await attack(slot, "import no_such_module\n")).cause is Cause.LOAD_ERROR
        result = await attack(slot, "def g():\n    return 1\n")
        assert result.cause is Cause.CALL_ERROR
        assert "expected a function 'f'" in result.message


def _dedent(text: str) -> str:
    import textwrap

    return textwrap.dedent(text)
