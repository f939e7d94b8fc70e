"""Slots of both tiers over one problem whose judge can behave in every way that the tests need."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from evaluators.probe import probe
from evaluators.sandbox import Packages, Sandbox, open_sandbox
from evolution.evaluation import Tier
from tests.sandbox.jobs import C_PROBLEM, PROBLEM


def _usable(tier: Tier) -> None:
    if tier is Tier.NAMESPACES and probe().tier is not Tier.NAMESPACES:
        pytest.fail(f"this machine offers no namespaces: {probe().reasons}; {probe().fix}")


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=list(Tier), ids=[tier.value for tier in Tier])
async def slot(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    _usable(request.param)
    sandbox = open_sandbox(request.param, PROBLEM, Packages())
    await sandbox.start()
    yield sandbox
    await sandbox.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=list(Tier), ids=[tier.value for tier in Tier])
async def c_slot(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    _usable(request.param)
    sandbox = open_sandbox(request.param, C_PROBLEM, Packages())
    await sandbox.start()
    yield sandbox
    await sandbox.close()
