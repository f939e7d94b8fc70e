"""Whole runs by the command line, as a user starts them: in processes of their own, on a data folder of their own."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.process_tree import descendants, is_postgres
from database.embedded import EmbeddedPostgres
from database.engine import Database

ROOT = Path(__file__).parents[2]
TWENTY = ROOT / "benchmarks" / "twenty_literals"
KINDS = ("controller", "workers", "evaluators", "galapagos.forkserver", "postgres", "supervisor")


def unhurried_twenty(folder: Path, wait: str = "0.1") -> Path:
    """The problem with a judge that waits for the seconds `wait`, an expression, in each evaluation."""
    problem = folder / "unhurried_twenty"
    shutil.copytree(TWENTY, problem, ignore=shutil.ignore_patterns("__pycache__"))
    judge = (problem / "judge.py").read_text()
    asks = '    values = candidate.call("solve", timeout=2.0)\n'
    assert asks in judge
    judge = judge.replace(asks, f"    time.sleep({wait})\n{asks}")
    (problem / "judge.py").write_text(judge.replace("import numpy as np", "import os\nimport time\n\nimport numpy as np"))
    return problem


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, its JSON object, and what it told people."""

    code: int
    result: dict[str, Any]
    told: str


def command(*arguments: str | Path, data: Path) -> list[str]:
    return [sys.executable, "-m", "galapagos", *map(str, arguments), "--json", "--data", str(data)]


def start(*arguments: str | Path, data: Path, settings: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments, data=data),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(settings or {})},
    )


def end(process: subprocess.Popen[str], timeout_s: float = 240) -> Ended:
    try:
        out, told = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        out, told = process.communicate()
        raise AssertionError(f"the command did not end within {timeout_s} s; it said:\n{told[-3000:]}") from None
    return Ended(process.returncode, json.loads(out) if out.strip() else {}, told)


def galapagos(*arguments: str | Path, data: Path, settings: Mapping[str, str] | None = None, timeout_s: float = 240) -> Ended:
    return end(start(*arguments, data=data, settings=settings), timeout_s)


def pid_of(kind: str, supervisor: int) -> int | None:
    """The process of one kind below a supervisor, None while there is none."""
    if kind == "supervisor":
        return supervisor
    for pid in descendants(supervisor)[1:]:
        if kind == "postgres":
            if is_postgres(pid):
                return pid
        elif _is_module(pid, kind):
            return pid
    return None


def _is_module(pid: int, kind: str) -> bool:
    try:
        return f" -m {kind} " in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") + " "
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@contextmanager
def served(data: Path) -> Generator[Database]:
    """The database of a finished run, open for questions."""
    with EmbeddedPostgres(data / "database") as server:
        yield Database(server.url)
