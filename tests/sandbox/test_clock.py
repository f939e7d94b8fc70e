"""Kernels timed beside a reference: honest ones get their ratio, no cheat gets one above what it is worth."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from evaluators.sandbox import Cause, JobResult, Packages, Sandbox, open_sandbox
from evolution.evaluation import Tier
from evolution.problem import Problem
from tests.conftest import SlotFolder
from tests.sandbox.kernel_problem import c_problem, kernel_job, kernels, python_problem
from tests.tiers import TIERS

pytestmark = pytest.mark.asyncio(loop_scope="session")

_C, _PYTHON = kernels("honest", ".c"), kernels("honest", ".py")
_C_CHEATS, _PYTHON_CHEATS = kernels("cheats", ".c"), kernels("cheats", ".py")
_ENDS_LATER = """
import os
honest = matmul

def matmul(*arguments):
    calls.append(1)
    if len(calls) > 20:
        os._exit(0)
    return honest(*arguments)
"""
_MAY_PASS = {"wakes_itself", "busy_thread", "helper_process", "orphan_helper", "patches_clocks", "reaches_out", "slow_at_first"}
"""Whose answers are right: they only must not pay."""
_WORTH = 1.25
"""More than this times the reference's speed no cheat may get: it computes the same, and a busy machine adds some noise."""
_WORTH_LESS = {"saves_up": 0.6}
"""Where it does more than the reference: this one four times as much."""


async def _open(tier: Tier, problem: Problem, slot_folder: Path | None) -> AsyncIterator[Sandbox]:
    sandbox = open_sandbox(tier, problem, Packages(), slot_folder)
    await sandbox.start()
    yield sandbox
    await sandbox.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=TIERS)
async def in_c(request: pytest.FixtureRequest, slot_folder: SlotFolder) -> AsyncIterator[Sandbox]:
    async for sandbox in _open(request.param, c_problem(_C["naive"]), slot_folder(request.param)):
        yield sandbox


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=TIERS)
async def in_python(request: pytest.FixtureRequest, slot_folder: SlotFolder) -> AsyncIterator[Sandbox]:
    async for sandbox in _open(request.param, python_problem(_PYTHON["vectorised"]), slot_folder(request.param)):
        yield sandbox


async def _timed(sandbox: Sandbox, path: str, text: str, entry: str = "quickly") -> JobResult:
    """A comparison, asked for again where the machine was too restless for it."""
    for _ in range(12):
        result = await sandbox.run(kernel_job(path, text, entry))
        if result.cause is not Cause.JUDGE_ERROR or "take equally long" not in result.message:
            return result
    pytest.fail("the reference never took equally long twice: this machine is too busy to test its clock")


async def _honest(
    sandbox: Sandbox, path: str, text: str, bounds: tuple[float, float], entry: str = "quickly"
) -> dict[str, float]:
    """What a verdict says whose ratio is within bounds. On a busy machine one is now and then beyond, but not four in a row."""
    beyond: list[float] = []
    while len(beyond) < 4:
        ratio, metrics = _numbers(await _timed(sandbox, path, text, entry))
        if bounds[0] < ratio < bounds[1]:
            return metrics | {"ratio": ratio}
        beyond.append(ratio)
    pytest.fail(f"expected a ratio within {bounds}; got {beyond}")


def _numbers(result: JobResult) -> tuple[float, dict[str, float]]:
    assert result.value is not None, result
    return result.value.score, result.value.metrics


# Measured: 1.00, 13 and 24. Machines differ.
@pytest.mark.parametrize(("name", "bounds"), [("naive", (0.75, 1.33)), ("reordered", (4, 40)), ("blocked", (8, 100))])
async def test_honest_kernels_in_c_get_their_ratio(in_c: Sandbox, name: str, bounds: tuple[float, float]) -> None:
    metrics = await _honest(in_c, "kernel.c", _C[name], bounds)
    assert metrics["ratio"] == pytest.approx(metrics["reference_seconds"] / metrics["seconds"], rel=0.2)
    assert abs(metrics["control"] - 1) <= 0.05
    assert 1 <= metrics["runs"] <= 3


@pytest.mark.parametrize("entry", ["quickly", "returned"])
async def test_an_honest_kernel_in_python_gets_its_ratio(in_python: Sandbox, entry: str) -> None:
    metrics = await _honest(in_python, "kernel.py", _PYTHON["vectorised"], (0.75, 1.33), entry)
    assert 1e-6 < metrics["seconds"] < 0.01


async def test_more_runs_are_told_apart(in_c: Sandbox) -> None:
    _, metrics = _numbers(await _timed(in_c, "kernel.c", _C["naive"], "evaluate"))
    assert metrics["runs"] >= 3
    assert 0 < metrics["spread"] < 0.5


async def test_a_reference_that_ends_is_no_fault_of_the_candidate() -> None:
    problem = python_problem(_PYTHON["vectorised"] + "\n\ncalls = []\n" + _ENDS_LATER)
    async for sandbox in _open(Tier.NAMESPACES, problem, None):
        result = await sandbox.run(kernel_job("kernel.py", _PYTHON["vectorised"]))
        assert result.cause in {Cause.JUDGE_ERROR, Cause.HOST_FAULT}, result
        assert "ended" in result.message


async def test_no_runs_are_no_measurement(in_c: Sandbox) -> None:
    result = await in_c.run(kernel_job("kernel.c", _C["naive"], "never"))
    assert result.cause is Cause.JUDGE_ERROR
    assert "expected to measure at least one run; got runs=0" in result.message


@pytest.mark.parametrize("name", sorted(_C_CHEATS))
async def test_no_cheat_in_c_gains(in_c: Sandbox, name: str) -> None:
    await _gains_nothing(in_c, "kernel.c", _C_CHEATS[name], name)


@pytest.mark.parametrize("name", sorted(_PYTHON_CHEATS))
async def test_no_cheat_in_python_gains(in_python: Sandbox, name: str) -> None:
    await _gains_nothing(in_python, "kernel.py", _PYTHON_CHEATS[name], name)


async def _gains_nothing(sandbox: Sandbox, path: str, text: str, name: str) -> None:
    worth = _WORTH_LESS.get(name, _WORTH if name in _MAY_PASS else 0.0)
    beyond: list[float] = []
    while len(beyond) < (3 if worth else 1):
        result = await _timed(sandbox, path, text)
        if result.value is None:
            assert result.cause in {Cause.REJECTED, Cause.DIED, Cause.FORBIDDEN}, result
            return
        if result.value.score < worth:
            return
        # Noise is as rare as with honest ones; who gains does so each time.
        beyond.append(result.value.score)
    pytest.fail(f"expected no ratio over {worth}; got {beyond}")
