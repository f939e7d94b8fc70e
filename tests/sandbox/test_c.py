"""Candidates in C: compiled, loaded and called behind the walls."""

import pytest

from evaluators.sandbox import Cause, JobResult, Sandbox
from evolution.problem import Limits
from tests.sandbox.jobs import job

pytestmark = pytest.mark.asyncio(loop_scope="session")

_SUM = """
#include <stdint.h>
#include "part.h"
void f(double *x, int64_t size, int64_t *n, int64_t one, int64_t two, double half) {
    for (int64_t i = 0; i < size; i++) x[i] = FACTOR * x[i] + two * half;
    n[0] = size + one;
}
"""


async def compiled(slot: Sandbox, source: str, entry: str = "evaluate", timeout_s: float = 20.0) -> JobResult:
    limits = Limits(memory_mib=512, processes=1, files_mib=16)
    files = {"program.c": source, "part.h": "#define FACTOR 2\n"}
    result = await slot.run(job("", entry, files=files, timeout_s=timeout_s, limits=limits))
    assert result.cause is not Cause.HOST_FAULT, result
    return result


async def test_arrays_come_back_changed(c_slot: Sandbox) -> None:
    result = await compiled(c_slot, _SUM)
    assert result.value is not None, result
    assert result.value.score == 2 * 6 + 3
    assert result.value.metrics == {"n": 4.0}


async def test_what_does_not_compile_is_told(c_slot: Sandbox) -> None:
    result = await compiled(c_slot, "void f(void) { return nonsense; }\n")
    assert result.cause is Cause.LOAD_ERROR
    assert "nonsense" in result.message
    assert "program.c" in result.message


async def test_a_missing_function_is_told(c_slot: Sandbox) -> None:
    result = await compiled(c_slot, "static void f(void) {}\nvoid g(void) { f(); }\n", "empty")
    assert result.cause is Cause.CALL_ERROR
    assert "expected a C function 'f'" in result.message


@pytest.mark.parametrize("constructor", [False, True])
async def test_an_endless_loop_ends(c_slot: Sandbox, constructor: bool) -> None:
    head = "__attribute__((constructor)) " if constructor else ""
    result = await compiled(c_slot, f"volatile int x;\n{head}void f(void) {{ for (;;) x++; }}\n", "empty", timeout_s=2.0)
    assert result.cause is Cause.TIMED_OUT


async def test_a_crash_is_named(c_slot: Sandbox) -> None:
    result = await compiled(c_slot, "void f(void) { *(volatile int *)0 = 1; }\n", "empty")
    assert result.cause is Cause.DIED
    assert "SIGSEGV" in result.message


async def test_it_starts_no_process(c_slot: Sandbox) -> None:
    source = """
    #include <stdlib.h>
    #include <unistd.h>
    #include <pthread.h>
    static void *run(void *x) { return x; }
    void f(void) {
        pthread_t thread;
        if (fork() >= 0 || system("true") == 0 || pthread_create(&thread, 0, run, 0) == 0) abort();
    }
    """
    assert (await compiled(c_slot, source, "empty")).cause is Cause.OK


async def test_headers_of_the_host_stay_closed(c_slot: Sandbox) -> None:
    for path in ("/etc/passwd", "/proc/self/environ", "/problem/judge.py"):
        result = await compiled(c_slot, f'#include "{path}"\nvoid f(void) {{}}\n', "empty")
        assert result.cause is Cause.LOAD_ERROR


async def test_the_clock_measures_it(c_slot: Sandbox) -> None:
    loop = """
    #include <time.h>
    #include <stdint.h>
    void f(double *x, int64_t n) {
        struct timespec t;
        do { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); x[0] += 1; } while (t.tv_sec * 1e9 + t.tv_nsec < BOUND);
    }
    """
    result = await compiled(c_slot, loop.replace("BOUND", "4e8"), "clock")
    assert result.value is not None, result
    assert 0.2 < result.value.score < 0.6
