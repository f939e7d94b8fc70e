"""The slots service that a command of ours starts, where tier container is used and no other service was named."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from database.settings import PREFIX
from evolution.evaluation import Tier
from galapagos.child import Child, executed, python_module
from galapagos.settings import passed_settings, process_environment


@contextmanager
def own_slot_folder(tier: Tier) -> Generator[Path | None]:
    """A folder for a service of our own; None where none is to be started. It is short enough for sockets."""
    if tier is not Tier.CONTAINER or os.environ.get(f"{PREFIX}SLOT_FOLDER"):
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="galapagos-slots-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def slot_service(tier: Tier) -> AsyncGenerator[Path | None]:
    """The folder of a slots service that runs within the block; None where the tier needs none."""
    with own_slot_folder(tier) as folder:
        if folder is None:
            named = os.environ.get(f"{PREFIX}SLOT_FOLDER")
            yield Path(named) if named else None
            return
        settings = passed_settings("slots", os.environ) | {"slot_folder": str(folder)}
        log = folder / "log"
        child = Child("slots", executed(python_module("evaluators.slots"), process_environment(os.environ, settings), log), log)
        keeping = asyncio.create_task(child.keep_alive())
        try:
            yield folder
        finally:
            await child.stop()
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping
