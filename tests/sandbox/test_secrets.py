"""What candidates may try to read, to leave behind and to pretend."""

import os
import textwrap
from pathlib import Path

import pytest

from evaluators.sandbox import Cause, Sandbox
from tests.sandbox.jobs import ATTEMPT, SECRET, answer, attack, job
from tests.sandbox.leftovers import zygotes_with_children

pytestmark = pytest.mark.asyncio(loop_scope="session")


class TestReading:
    async def test_the_judges_files_and_the_host(self, slot: Sandbox) -> None:
        places = [Path(__file__), Path.home() / ".bashrc", Path("/etc/passwd"), Path("/etc/shadow"), Path("/proc/1/environ")]
        places += [
            Path("/proc/self/environ"),
            Path(f"/proc/{os.getppid()}/cmdline"),
            Path("/sys/kernel/notes"),
            Path("/problem/judge.py"),
        ]
        body = f"""
            return attempt(*[lambda path=path: open(path, "rb").read(1) for path in {[str(place) for place in places]}])
            """
        outcomes = await answer(slot, ATTEMPT + body.replace("\n            ", "\n"))
        assert set(eval(outcomes)) <= {"FileNotFoundError", "PermissionError", "NotADirectoryError"}  # noqa: S307 - our own list

    async def test_a_search_of_the_file_system_finds_no_secret(self, slot: Sandbox) -> None:
        body = """
            import os
            found = []
            for top in ("/problem", "/galapagos", "/tmp", "/scratch", "/home", "/root", "/dev/shm", "/proc", "/run", "/var"):
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
        assert "-".join(("the", "answer", "is", "4711")) == SECRET
        seen, names, count = eval(await answer(slot, body))  # noqa: S307 - our own list
        assert (seen, names) == (0, 0)
        # Standard streams, the wire, its own source, and the memory file for arrays.
        assert count <= 6

    async def test_other_processes(self, slot: Sandbox) -> None:
        result = await attack(slot, "import os\ndef f():\n    return os.listdir('/proc')\n")
        assert result.cause is Cause.FORBIDDEN


class TestWriting:
    async def test_outside_its_space(self, slot: Sandbox) -> None:
        body = """
            import json, os, numpy
            places = [json.__file__, numpy.__file__, "/usr/left", "/left", "/dev/left", "/galapagos/left", "/problem/left"]
            places += ["/proc/sys/kernel/hostname", "/proc/self/oom_score_adj", "/sys/fs/cgroup/left", "/etc/left"]
            places += [os.path.dirname(os.getcwd()) + "/../left"]
            return attempt(*[lambda path=path: open(path, "a").write("x") for path in places])
            """
        outcomes = await answer(slot, ATTEMPT + body.replace("\n            ", "\n"))
        assert set(eval(outcomes)) <= {"FileNotFoundError", "PermissionError", "OSError", "NotADirectoryError"}  # noqa: S307

    async def test_a_write_that_is_not_caught_is_forbidden(self, slot: Sandbox) -> None:
        result = await attack(slot, "def f():\n    open('/usr/score.json', 'w').write('1e9')\n")
        assert result.cause is Cause.FORBIDDEN

    async def test_nothing_is_left_for_the_next(self, slot: Sandbox) -> None:
        assert (await slot.run(job("def f():\n    return 1\n"))).cause is Cause.OK
        source = """
            import os, pathlib, tempfile, time
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
        assert await zygotes_with_children() == []


class TestCheatingInProcess:
    async def test_ending_with_success_is_no_result(self, slot: Sandbox) -> None:
        result = await attack(slot, "import os\nprint('score: 1e9')\ndef f():\n    os._exit(0)\n")
        assert result.cause is Cause.DIED
        assert "exit status 0" in result.message
        assert (await attack(slot, "import os\nos._exit(0)\n")).cause is Cause.DIED

    async def test_hanging_up_is_no_result(self, slot: Sandbox) -> None:
        result = await attack(slot, "import os, time\ndef f():\n    os.close(3)\n    time.sleep(60)\n", timeout_s=5)
        assert result.cause is Cause.DIED
        assert "closed its connection" in result.message

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
        for value in (
            "Opaque()",
            "{1: 2}",
            "f",
            "[Opaque()]",
            "{'a': object()}",
            "1 << 70",
            "numpy.array([Opaque()], dtype=object)",
        ):
            result = await attack(slot, "import numpy\n" + textwrap.dedent(source).replace("VALUE", value))
            assert result.cause in {Cause.INVALID_OUTPUT, Cause.PROTOCOL}, (value, result)
        result = await attack(slot, textwrap.dedent(source).replace("VALUE", "Liar(2.0)"), "number_of")
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
