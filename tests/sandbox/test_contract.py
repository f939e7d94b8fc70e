"""What every sandbox does with honest programs and with judges of every kind, in every tier."""

import asyncio
import time

import numpy as np
import pytest

from evaluators.sandbox import Cause, Sandbox
from evolution.evaluation import Purpose
from tests.sandbox.jobs import answer, attack, job

pytestmark = pytest.mark.asyncio(loop_scope="session")


class TestHonestCandidates:
    async def test_a_call_returns_its_value(self, slot: Sandbox) -> None:
        result = await slot.run(job("def f():\n    return 41 + 1\n"))
        assert result.cause is Cause.OK
        assert result.value is not None
        assert (result.value.score, result.value.feedback) == (1.0, "42")
        assert 0 < result.cpu_s < 1
        assert 5 < result.peak_memory_mib < 200
        assert 0 < result.duration_s < 5

    async def test_arrays_of_all_kinds_travel_unchanged(self, slot: Sandbox) -> None:
        result = await slot.run(job("def f(x):\n    return x\n", "arrays"))
        assert result.value is not None, result
        assert result.value.score == 10

    async def test_plain_values_travel_unchanged(self, slot: Sandbox) -> None:
        result = await slot.run(job("def f(x):\n    return x\n", "values"))
        assert result.value is not None, result
        assert result.value.score == 1

    async def test_a_batch_is_one_message(self, slot: Sandbox) -> None:
        result = await slot.run(job("def square(x):\n    return x * x\n", "many"))
        assert result.value is not None
        assert result.value.score == sum(float(i) ** 2 for i in range(2000))

    async def test_files_import_one_another(self, slot: Sandbox) -> None:
        files = {
            "program.py": "from extra.part import g\ndef f():\n    return g()\n",
            "extra/part.py": "def g():\n    return 7\n",
        }
        result = await slot.run(job("", files=files))
        assert result.value is not None, result
        assert result.value.feedback == "7"

    async def test_the_log_is_kept(self, slot: Sandbox) -> None:
        result = await slot.run(job("import sys\nprint('hello')\ndef f():\n    print('err', file=sys.stderr)\n    return 1\n"))
        assert result.log_tail == "hello\nerr\n"

    async def test_the_environment_is_bare(self, slot: Sandbox) -> None:
        names = await answer(slot, "import os\nreturn sorted(os.environ)")
        assert "GALAPAGOS" not in names
        assert "USER" not in names

    async def test_only_numpy_and_the_standard_library_can_be_imported(self, slot: Sandbox) -> None:
        body = """
            import importlib
            found = []
            for name in ("numpy", "json", "sqlalchemy", "pydantic", "pytest", "pip", "evolution", "evaluators"):
                try:
                    importlib.import_module(name)
                    found.append(name)
                except (ImportError, OSError):
                    pass
            return found
            """
        assert await answer(slot, body) == "['numpy', 'json']"


class TestJudges:
    async def test_the_context_is_the_jobs(self, slot: Sandbox) -> None:
        one = await slot.run(job("", "random_number", seed=b"\1" * 32, repeat=3, purpose=Purpose.VERIFY, stage="s"))
        assert one.value is not None, one
        expected = np.random.Generator(np.random.PCG64(int.from_bytes(b"\1" * 32, "big"))).random()
        assert one.value.score == expected
        assert one.value.metrics == {"repeat": 3.0}
        assert one.value.feedback == "verifys"

    async def test_it_reads_its_data(self, slot: Sandbox) -> None:
        result = await slot.run(job("", "own_data"))
        assert result.value is not None, result
        assert result.value.score == 18

    async def test_it_writes_nothing(self, slot: Sandbox) -> None:
        assert (await slot.run(job("", "writes"))).cause is Cause.OK

    async def test_it_keeps_no_state(self, slot: Sandbox) -> None:
        for _ in range(2):
            result = await slot.run(job("", "keeps_state"))
            assert result.value is not None
            assert result.value.score == 1

    async def test_its_rejection_is_a_verdict(self, slot: Sandbox) -> None:
        result = await slot.run(job("", "rejects"))
        assert (result.cause, result.message) == (Cause.REJECTED, "not sorted at index 3")

    async def test_its_exception_is_its_own_fault(self, slot: Sandbox) -> None:
        result = await attack(slot, "", "raises")
        assert result.cause is Cause.JUDGE_ERROR
        assert "ZeroDivisionError: of the judge" in result.message
        assert result.log_tail == "about to raise\nprinted\n"

    async def test_its_sudden_end_is_its_own_fault(self, slot: Sandbox) -> None:
        assert (await attack(slot, "", "exits")).cause is Cause.JUDGE_ERROR

    async def test_its_endless_loop_is_its_own_fault(self, slot: Sandbox) -> None:
        result = await attack(slot, "", "hangs", timeout_s=0.3)
        assert result.cause is Cause.JUDGE_ERROR
        assert "raise timeout_s" in result.message

    async def test_time_that_it_wastes_is_its_own_fault(self, slot: Sandbox) -> None:
        source = "def f():\n    while True: pass\n"
        assert (await attack(slot, source, "wastes", timeout_s=0.7)).cause is Cause.JUDGE_ERROR

    @pytest.mark.parametrize(
        "stage",
        [
            "nan",
            "infinite",
            "bool",
            "text",
            "huge",
            "subclass",
            "none",
            "missing",
            "unknown",
            "metric",
            "name",
            "features",
            "feedback",
        ],
    )
    async def test_nonsense_is_named(self, slot: Sandbox, stage: str) -> None:
        result = await slot.run(job("", "bad", stage=stage))
        assert result.cause is Cause.JUDGE_ERROR
        assert "expected" in result.message
        assert "got" in result.message

    async def test_numpy_scalars_count_and_text_is_cleaned(self, slot: Sandbox) -> None:
        result = await slot.run(job("", "metrics"))
        assert result.value is not None, result
        assert (result.value.score, result.value.metrics, result.value.features) == (2.5, {"a": 3.0}, {"b": 1.0})
        assert result.value.feedback == "x[31m?y"

    async def test_a_missing_entry_is_named(self, slot: Sandbox) -> None:
        result = await slot.run(job("", "no_such_entry"))
        assert result.cause is Cause.JUDGE_ERROR
        assert "no_such_entry" in result.message

    async def test_a_picture_is_drawn_on_demand(self, slot: Sandbox) -> None:
        result = await slot.run(job("def f():\n    return 3\n", picture="draws"))
        assert result.value is not None, result
        assert result.value.picture == "<svg>3</svg>"
        assert (await slot.run(job("def f():\n    return 3\n", picture="draws_badly"))).cause is Cause.JUDGE_ERROR

    async def test_it_may_forgive(self, slot: Sandbox) -> None:
        result = await slot.run(job("def f():\n    raise ValueError\n", "survives_failure"))
        assert result.value is not None, result
        assert result.value.feedback == "CandidateError call_error"
        result = await slot.run(job("import os\ndef f():\n    os._exit(0)\n", "survives_failure"))
        assert result.value is not None, result
        assert result.value.feedback == "CandidateDied died"

    async def test_a_late_candidate_is_not_called_again(self, slot: Sandbox) -> None:
        source = "import time\ndef f():\n    time.sleep(9)\ndef g():\n    return 1\n"
        assert (await attack(slot, source, "calls_again")).cause is Cause.TIMED_OUT


class TestClock:
    async def test_it_measures_work_not_sleep(self, slot: Sandbox) -> None:
        work = "import time\ndef f():\n    end = time.process_time() + 0.3\n    while time.process_time() < end: pass\n"
        result = await slot.run(job(work, "clock"))
        assert result.value is not None, result
        assert 0.29 < result.value.score < 0.5
        result = await slot.run(job("import time\ndef f():\n    time.sleep(0.3)\n", "clock"))
        assert result.value is not None, result
        assert result.value.score < 0.1

    async def test_threads_hide_no_work(self, slot: Sandbox) -> None:
        source = """
            import threading, time
            go = threading.Event()
            def work():
                go.wait()
                end = time.thread_time() + 0.3
                while time.thread_time() < end: pass
            worker = threading.Thread(target=work, daemon=True)
            worker.start()
            def f():
                go.set()
                worker.join()
            """
        result = await slot.run(job(source, "clock"))
        assert result.value is not None, result
        assert result.value.score > 0.29

    async def test_helper_processes_hide_no_work(self, slot: Sandbox) -> None:
        source = """
            import os, signal, time
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            asked, ask = os.pipe()
            told, tell = os.pipe()
            if os.fork() == 0:
                os.read(asked, 1)
                end = time.process_time() + 0.3
                while time.process_time() < end: pass
                os.write(tell, b"x")
                LAST
            def f():
                os.write(ask, b"x")
                os.read(told, 1)
                time.sleep(0.05)
            """
        for last in ("os._exit(0)", "time.sleep(9)"):
            result = await slot.run(job(source.replace("LAST", last), "clock"))
            assert result.value is not None, result
            assert result.value.score > 0.29

    async def test_an_orphan_hides_no_work(self, slot: Sandbox) -> None:
        source = """
            import ctypes, os, time
            ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)
            asked, ask = os.pipe()
            told, tell = os.pipe()
            child = os.fork()
            if child == 0:
                if os.fork() == 0:
                    os.read(asked, 1)
                    end = time.process_time() + 0.3
                    while time.process_time() < end: pass
                    os.write(tell, b"x")
                    time.sleep(9)
                os._exit(0)
            os.waitpid(child, 0)
            def f():
                os.write(ask, b"x")
                os.read(told, 1)
            """
        result = await slot.run(job(source, "clock"))
        assert result.value is not None, result
        assert result.value.score > 0.29

    async def test_no_process_starts_while_it_runs(self, slot: Sandbox) -> None:
        source = """
            import os, threading
            def f():
                refused = []
                for start in (os.fork, threading.Thread(target=print).start):
                    try:
                        if start() == 0:
                            os._exit(0)
                    except (OSError, RuntimeError):
                        refused.append(start.__name__)
                return refused
            """
        result = await slot.run(job(source, "clock"))
        assert result.value is not None, result
        assert result.value.feedback == "[['fork', 'start']]"


class TestSlot:
    async def test_cancelling_ends_the_candidate(self, slot: Sandbox) -> None:
        task = asyncio.create_task(slot.run(job("def f():\n    while True: pass\n", timeout_s=30)))
        await asyncio.sleep(0.3)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - started < 1
        assert (await slot.run(job("def f():\n    return 1\n"))).cause is Cause.OK

    async def test_jobs_that_come_together_wait_for_one_another(self, slot: Sandbox) -> None:
        results = await asyncio.gather(*(slot.run(job(f"def f():\n    return {i}\n")) for i in range(8)))
        assert [result.value.feedback for result in results if result.value] == [str(i) for i in range(8)]
