"""Kernels timed beside a reference: honest ones get their ratio, no cheat gets one above what it is worth."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from evaluators.sandbox import Cause, JobResult, Packages, Sandbox, open_sandbox
from evolution.evaluation import Tier
from evolution.problem import Problem
from tests.sandbox.kernel_problem import c_problem, kernel_job, kernels, python_problem

pytestmark = pytest.mark.asyncio(loop_scope="session")

_C, _PYTHON = kernels("honest", ".c"), kernels("honest", ".py")
_C_CHEATS, _PYTHON_CHEATS = kernels("cheats", ".c"), kernels("cheats", ".py")
_TIERS = [pytest.param(tier, id=tier.value) for tier in Tier]
_WORTH = 1.25
"""More than this times the reference's speed no cheat may get: it computes the same, and a busy machine adds some noise."""


async def _open(tier: Tier, problem: Problem) -> AsyncIterator[Sandbox]:
    sandbox = open_sandbox(tier, problem, Packages())
    await sandbox.start()
    yield sandbox
    await sandbox.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=_TIERS)
async def in_c(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    async for sandbox in _open(request.param, c_problem(_C["naive"])):
        yield sandbox


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=_TIERS)
async def in_python(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    async for sandbox in _open(request.param, python_problem(_PYTHON["vectorised"])):
        yield sandbox


def _numbers(result: JobResult) -> tuple[float, dict[str, float]]:
    assert result.value is not None, result
    return result.value.score, result.value.metrics


async def test_honest_kernels_in_c_get_their_ratio(in_c: Sandbox) -> None:
    found = {name: _numbers(await in_c.run(kernel_job("kernel.c", text))) for name, text in _C.items()}
    # Measured: 1.00, 13 and 24. Half of each step is asked for, since machines differ.
    assert 0.8 < found["naive"][0] < 1.25
    assert found["reordered"][0] > 5
    assert found["blocked"][0] > 1.3 * found["reordered"][0]
    for ratio, metrics in found.values():
        assert ratio == pytest.approx(metrics["reference_seconds"] / metrics["seconds"], rel=0.2)
        assert abs(metrics["control"] - 1) <= 0.05
        assert metrics["runs"] >= 3
        assert metrics["spread"] < 0.5


async def test_an_honest_kernel_in_python_gets_its_ratio(in_python: Sandbox) -> None:
    ratio, metrics = _numbers(await in_python.run(kernel_job("kernel.py", _PYTHON["vectorised"])))
    assert 0.8 < ratio < 1.25
    assert 1e-6 < metrics["seconds"] < 0.01


@pytest.mark.parametrize("name", sorted(_C_CHEATS))
async def test_no_cheat_in_c_gains(in_c: Sandbox, name: str) -> None:
    _gains_nothing(await in_c.run(kernel_job("kernel.c", _C_CHEATS[name])))


@pytest.mark.parametrize("name", sorted(_PYTHON_CHEATS))
async def test_no_cheat_in_python_gains(in_python: Sandbox, name: str) -> None:
    _gains_nothing(await in_python.run(kernel_job("kernel.py", _PYTHON_CHEATS[name])))


def _gains_nothing(result: JobResult) -> None:
    if result.cause is Cause.OK:
        assert _numbers(result)[0] < _WORTH
    else:
        assert result.cause in {Cause.REJECTED, Cause.DIED, Cause.FORBIDDEN, Cause.CALL_ERROR}, result
