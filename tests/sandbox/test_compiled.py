"""Candidates in compiled languages: compiled, loaded and called behind the walls."""

import tempfile
from pathlib import Path

import pytest

from evaluators.sandbox import Cause, JobResult
from evolution.language import LANGUAGES, Language
from evolution.problem import Limits
from tests.sandbox.compiled_programs import (
    BOMBS,
    CRASH,
    ENDLESS_CALL,
    ENDLESS_LOAD,
    HIDDEN,
    NONSENSE,
    PARTS,
    PLUGINS,
    READS,
    STARTS,
    SUM,
    at_load,
    function,
)
from tests.sandbox.conftest import CompiledSlot
from tests.sandbox.jobs import SECRET, job, source_name
from tests.tiers import compiled_slots

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEMORY_MIB = 512


def only(*languages: Language) -> pytest.MarkDecorator:
    """A test for slots of these languages, in every tier."""
    return pytest.mark.parametrize("compiled_slot", compiled_slots(*languages), indirect=True, ids="-".join)


async def compiled(slot: CompiledSlot, source: str, entry: str = "empty", timeout_s: float = 20.0) -> JobResult:
    limits = Limits(memory_mib=MEMORY_MIB, processes=1, files_mib=16)
    files = {source_name(slot.language): source, **PARTS}
    result = await slot.sandbox.run(job("", entry, files=files, timeout_s=timeout_s, limits=limits))
    assert result.cause is not Cause.HOST_FAULT, result
    return result


async def test_arrays_come_back_changed(compiled_slot: CompiledSlot) -> None:
    result = await compiled(compiled_slot, SUM[compiled_slot.language], "evaluate")
    assert result.value is not None, result
    assert result.value.score == 2 * 6 + 3
    assert result.value.metrics == {"n": 4.0}


async def test_what_does_not_compile_is_told(compiled_slot: CompiledSlot) -> None:
    result = await compiled(compiled_slot, NONSENSE[compiled_slot.language])
    assert result.cause is Cause.LOAD_ERROR
    assert "nonsense" in result.message
    assert source_name(compiled_slot.language) in result.message


async def test_the_first_errors_are_told_and_no_warnings(compiled_slot: CompiledSlot) -> None:
    language = compiled_slot.language
    unused = "let unused{n} = 1;" if language is Language.RUST else "int unused{n} = 1 / 0;"
    warned = " ".join(unused.format(n=number) for number in range(50))
    source = function(language, warned + " ".join(f"\nnonsense{number};" for number in range(100)))
    result = await compiled(compiled_slot, source)
    assert result.cause is Cause.LOAD_ERROR
    assert "nonsense0" in result.message
    assert "nonsense7" in result.message
    assert "warning" not in result.message


async def test_a_missing_function_is_told(compiled_slot: CompiledSlot) -> None:
    result = await compiled(compiled_slot, HIDDEN[compiled_slot.language])
    assert result.cause is Cause.CALL_ERROR
    assert f"expected a {LANGUAGES[compiled_slot.language].title} function 'f'" in result.message


@pytest.mark.parametrize("programs", [ENDLESS_CALL, ENDLESS_LOAD], ids=["in a call", "at load"])
async def test_an_endless_loop_ends(compiled_slot: CompiledSlot, programs: dict[Language, str]) -> None:
    result = await compiled(compiled_slot, programs[compiled_slot.language], timeout_s=1.0)
    assert result.cause is Cause.TIMED_OUT


async def test_a_crash_is_named(compiled_slot: CompiledSlot) -> None:
    result = await compiled(compiled_slot, CRASH[compiled_slot.language])
    assert result.cause is Cause.DIED
    assert "SIGSEGV" in result.message


@only(Language.CPP, Language.RUST)
async def test_what_ends_a_program_stands_in_its_log(compiled_slot: CompiledSlot) -> None:
    bodies = {
        Language.CPP: function(Language.CPP, 'throw std::runtime_error("the reason");', "#include <stdexcept>"),
        Language.RUST: function(Language.RUST, 'panic!("the reason");'),
    }
    result = await compiled(compiled_slot, bodies[compiled_slot.language])
    assert result.cause is Cause.DIED
    assert "SIGABRT" in result.message or "abort()" in result.message
    assert "the reason" in result.log_tail


@pytest.mark.parametrize("at", ["load", "call"])
async def test_it_starts_nothing_and_reaches_no_file(compiled_slot: CompiledSlot, at: str) -> None:
    language = compiled_slot.language
    head = STARTS[language]
    source = at_load(language, "start();", head) if at == "load" else function(language, "start();", head)
    assert (await compiled(compiled_slot, source)).cause is Cause.OK


def _judges_of_slots() -> list[str]:
    return [str(path) for path in Path(tempfile.gettempdir()).glob("galapagos-slot-*/problem/judge.py")][:3]


async def test_the_compiler_reads_no_file_of_the_host(compiled_slot: CompiledSlot) -> None:
    """Nor the judge's, by whatever path: each way to read is tried on a file that the compiler may read, too."""
    closed = ["/etc/passwd", "/proc/self/environ", "/problem/judge.py", *_judges_of_slots()]
    language = compiled_slot.language
    for way in READS[language]:
        for path in closed:
            result = await compiled(compiled_slot, function(language, "", way.format(path=path)))
            assert result.cause is Cause.LOAD_ERROR, (way, path)
            assert SECRET not in result.message
            assert "root:" not in result.message


async def test_ways_to_read_files_do_read(compiled_slot: CompiledSlot) -> None:
    """Else the test above would hold for want of a way."""
    language = compiled_slot.language
    for way in (way for way in READS[language] if "#embed" not in way):
        path = "/usr/include/features.h" if language is not Language.RUST and "incbin" not in way else "part.rs"
        if ".include" in way or way.startswith("include!"):
            path = "/dev/null"
        result = await compiled(compiled_slot, function(language, "", way.format(path=path)))
        assert result.cause is Cause.OK, (way, result)


async def test_a_program_names_no_plugin_of_the_compiler(compiled_slot: CompiledSlot) -> None:
    """Code of its own within the compiler: what would ask for it is not heeded, or refused."""
    language = compiled_slot.language
    for asks in PLUGINS[language]:
        result = await compiled(compiled_slot, function(language, "", asks))
        # Heeded, it would be an error that this file is no plugin.
        assert result.cause is (Cause.LOAD_ERROR if language is Language.RUST else Cause.OK), (asks, result)


@pytest.mark.parametrize(
    ("compiled_slot", "bomb"),
    [pytest.param(slot, bomb, id=" ".join([*slot, bomb[1]])) for bomb in BOMBS for slot in compiled_slots(bomb[0])],
    indirect=["compiled_slot"],
)
async def test_bombs_for_the_compiler(compiled_slot: CompiledSlot, bomb: tuple[Language, str, str]) -> None:
    language, kind, head = bomb
    result = await compiled(compiled_slot, function(language, "") + head, timeout_s=1.5)
    assert result.cause in {Cause.TIMED_OUT, Cause.OUT_OF_MEMORY, Cause.LOAD_ERROR}, (kind, result)
    assert result.message
    assert result.duration_s < 4.0
    assert result.peak_memory_mib < 1.5 * MEMORY_MIB
    assert (await compiled(compiled_slot, SUM[language], "evaluate")).cause is Cause.OK


@only(Language.C)
async def test_the_clock_measures_it(compiled_slot: CompiledSlot) -> None:
    loop = """
    #include <time.h>
    #include <stdint.h>
    void f(double *x, int64_t n) {
        struct timespec t;
        do { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); x[0] += 1; } while (t.tv_sec * 1e9 + t.tv_nsec < BOUND);
    }
    """
    result = await compiled(compiled_slot, loop.replace("BOUND", "4e8"), "clock")
    assert result.value is not None, result
    assert 0.2 < result.value.score < 0.6
