"""What candidates may try: each attempt gets its cause, and the next candidate finds the slot as new."""

import os
import secrets
import socket

import pytest

from evaluators.sandbox import Cause, Sandbox
from evolution.evaluation import Tier
from evolution.problem import Limits
from tests.sandbox.jobs import ATTEMPT, answer, attack

pytestmark = pytest.mark.asyncio(loop_scope="session")


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

    async def test_memory_that_outlives_its_mapping(self, slot: Sandbox) -> None:
        """Shared pages stay when all but one of them are unmapped, and count as nobody's: none may be had."""
        body = """
            import ctypes, mmap
            def shared_with(flags):
                with open("/dev/zero", "r+b") as zero:
                    return mmap.mmap(zero.fileno(), 1 << 20, flags)
            libc = ctypes.CDLL(None, use_errno=True)
            libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 4
            validated = libc.mmap(None, 1 << 20, 3, mmap.MAP_ANONYMOUS | 3, -1, 0), ctypes.get_errno()
            private = mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            refused = attempt(lambda: mmap.mmap(-1, 1 << 20), lambda: shared_with(mmap.MAP_SHARED))
            return refused, validated == (2 ** 64 - 1, 1), len(private)
            """
        outcome = await answer(slot, ATTEMPT + body.replace("\n            ", "\n"))
        absent = "FileNotFoundError" if slot.tier is Tier.NAMESPACES else "PermissionError"
        assert outcome == f"[['PermissionError', '{absent}'], True, {1 << 20}]"

    async def test_memory_that_processes_share_is_a_file(self, slot: Sandbox) -> None:
        body = """
            import mmap, os, tempfile
            with tempfile.TemporaryFile() as file:
                file.truncate(1 << 20)
                memory = mmap.mmap(file.fileno(), 1 << 20)
            child = os.fork()
            if child == 0:
                memory[0] = 7
                os._exit(0)
            os.waitpid(child, 0)
            return memory[0]
            """
        assert await answer(slot, body) == "7"

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
        source = """
            import time
            def f():
                for i in range(2000):
                    open(f'file{i}', 'w').close()
                time.sleep(2)
            """
        result = await attack(slot, source)
        # In a file system of its own the call fails; elsewhere whoever counts the files ends the candidate.
        assert (result.cause, "No space left" in result.message) == (Cause.CALL_ERROR, True) or (
            result.cause is Cause.DIED and "expected at most 1024 files" in result.message
        )

    async def test_all_descriptors(self, slot: Sandbox) -> None:
        source = "import os\ndef f():\n    return [os.open('/dev/null', 0) for _ in range(5000)]\n"
        result = await attack(slot, source)
        assert result.cause is Cause.CALL_ERROR
        assert "Too many open files" in result.message

    async def test_a_flood_of_output(self, slot: Sandbox) -> None:
        source = """
            import os
            def f():
                for _ in range(3000):
                    print('x' * 1000)
                os.system('yes | head -c 1000000')
                return 1
            """
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
        [
            ("ptrace", 101),
            ("unshare", 272),
            ("mount", 165),
            ("bpf", 321),
            ("keyctl", 250),
            ("io_uring_setup", 425),
            ("process_vm_readv", 310),
            ("perf_event_open", 298),
            ("memfd_create", 319),
            ("shmget", 29),
            ("setns", 308),
            ("vmsplice", 278),
        ],
    )
    async def test_system_calls(self, slot: Sandbox, name: str, number: int) -> None:
        if os.uname().machine != "x86_64":
            numbers = {"ptrace": 117, "unshare": 97, "mount": 40, "bpf": 280, "keyctl": 219, "process_vm_readv": 270}
            numbers |= {
                "perf_event_open": 241,
                "memfd_create": 279,
                "shmget": 194,
                "setns": 268,
                "io_uring_setup": 425,
                "vmsplice": 75,
            }
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
