"""Whether boxes that this process started are as they were: warm, and nobody in them."""

import asyncio
import os
from pathlib import Path

from evaluators.harness.galapagos_family import family


async def zygotes_with_children(patience_s: float = 5.0) -> list[int]:
    """The zygotes below this process that still have a child, asked for until none has or the patience ends."""
    for _ in range(int(patience_s / 0.05)):
        if not (found := _with_children()):
            break
        await asyncio.sleep(0.05)
    return found


def _with_children() -> list[int]:
    return [pid for pid in family(os.getpid()) if _is_zygote(pid) and _read(pid, f"task/{pid}/children").strip()]


def _is_zygote(pid: int) -> bool:
    words = _read(pid, "cmdline").split(b"\0")
    return b"python" in words[0] and any(b"galapagos_zygote" in word for word in words)


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
