"""Slots of all tiers over one problem whose judge can behave in every way that the tests need."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from evaluators.probe import probe
from evaluators.sandbox import Packages, Sandbox, SandboxUnavailable, open_sandbox
from evaluators.toolchains import find_toolchain
from evolution.evaluation import Tier
from evolution.language import LANGUAGES, Language
from tests.conftest import SlotFolder
from tests.sandbox.jobs import PROBLEM, compiled_problem
from tests.tiers import TIERS, compiled_slots


@pytest.fixture
def short_folder() -> Generator[Path]:
    """A temporary folder whose path leaves room for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="galapagos-slots-") as folder:
        yield Path(folder)


def _usable(tier: Tier) -> None:
    if tier is Tier.NAMESPACES and probe().tier is not Tier.NAMESPACES:
        pytest.fail(f"this machine offers no namespaces: {probe().reasons}; {probe().fix}")


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=TIERS)
async def slot(request: pytest.FixtureRequest, slot_folder: SlotFolder) -> AsyncIterator[Sandbox]:
    _usable(request.param)
    sandbox = open_sandbox(request.param, PROBLEM, Packages(), slot_folder(request.param))
    await sandbox.start()
    yield sandbox
    await sandbox.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def neighbour(slot: Sandbox, slot_folder: SlotFolder) -> AsyncIterator[Sandbox]:
    """A second slot of the same tier, in which another candidate runs at the same time."""
    sandbox = open_sandbox(slot.tier, PROBLEM, Packages(), slot_folder(slot.tier))
    await sandbox.start()
    yield sandbox
    await sandbox.close()


@pytest.fixture(scope="session")
def open_rust() -> Iterator[None]:
    """The Rust toolchain where every user can read it: tier plain cannot mount one out of a closed folder of root's."""
    found = find_toolchain(Language.RUST, mounted=True)
    if found is None or found.folder is None:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="galapagos-rust-") as folder, pytest.MonkeyPatch.context() as patch:
        copy = Path(folder)
        copy.chmod(0o755)
        try:
            shutil.copytree(found.folder / "lib", copy / "lib", copy_function=os.link)
        except shutil.Error as error:
            pytest.skip(f"the Rust toolchain lies on another file system than {copy}: {str(error)[:200]}")
        (copy / "bin").mkdir(mode=0o755)
        (copy / "bin" / "rustc").hardlink_to(found.program)
        patch.setenv("PATH", f"{copy / 'bin'}{os.pathsep}{os.environ['PATH']}")
        yield


@dataclass(frozen=True, slots=True)
class CompiledSlot:
    """A slot for programs in one language."""

    sandbox: Sandbox
    language: Language


@pytest_asyncio.fixture(
    scope="session",
    loop_scope="session",
    params=compiled_slots(*LANGUAGES),
    ids="-".join,
)
async def compiled_slot(request: pytest.FixtureRequest, slot_folder: SlotFolder) -> AsyncIterator[CompiledSlot]:
    tier, language = request.param
    _usable(tier)
    try:
        find_toolchain(language, mounted=True)
    except SandboxUnavailable as error:
        pytest.skip(f"no compiler to test with: {error}")
    if language is Language.RUST and tier is Tier.PLAIN:
        request.getfixturevalue("open_rust")
    sandbox = open_sandbox(tier, compiled_problem(language), Packages(), slot_folder(tier))
    await sandbox.start()
    yield CompiledSlot(sandbox, language)
    await sandbox.close()
