"""The command line as a person uses it: a process with a folder of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOML = """
name = "hill"
title = "A hill"
statement = "Return the x at which the hill is highest."
seed = ["program.py"]
picture = "picture"
[limits]
memory_mib = 256
[[stages]]
name = "score"
timeout_s = 10.0
"""
SEED = """import math

# EVOLVE-BLOCK-START
def answer():
    x = 1.0
    return x * 1.0
# EVOLVE-BLOCK-END
"""
JUDGE = """
def evaluate(candidate, context):
    x = float(candidate.call("answer"))
    return {"score": 10.0 - abs(x - 3.2), "metrics": {"x": x}}


def picture(candidate, context):
    return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="3"/></svg>'
"""


UNHURRIED = "import time\n" + JUDGE.replace("    x = float", "    time.sleep(0.1)\n    x = float")
"""The same for a run that goes on beside a test: ten a second and slot, which leaves the processors to others."""


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        lines = self.out.splitlines()
        assert len(lines) == 1, f"expected one JSON object on standard output, got {self.out!r}; standard error: {self.err}"
        return json.loads(lines[0])


def problem_folder(folder: Path, toml: str = TOML, seed: str = SEED, judge: str = JUDGE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "problem.toml").write_text(toml)
    (folder / "program.py").write_text(seed)
    (folder / "judge.py").write_text(judge)
    return folder


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("GALAPAGOS_")} | more


def galapagos(*arguments: str | Path, timeout: float = 120, **more: str) -> Ended:
    command = [sys.executable, "-m", "galapagos", *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout, env=environment(**more))
    return Ended(done.returncode, done.stdout, done.stderr)


class Running:
    """A command that goes on; killed at the end whatever comes."""

    def __init__(self, folder: Path, *arguments: str | Path, **more: str) -> None:
        self._err = folder / "standard-error"
        with self._err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "galapagos", *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=err,
                text=True,
                env=environment(**more),
                start_new_session=True,
            )

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def until_evaluations(self, least: int, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while _evaluations(self._err.read_text()) < least:
            assert self.process.poll() is None, f"it ended early: {self._err.read_text()}"
            assert time.monotonic() < deadline, f"waited in vain: {self._err.read_text()}"
            time.sleep(0.1)

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def wait(self, seconds: float = 90) -> Ended:
        out, _ = self.process.communicate(timeout=seconds)
        return Ended(self.process.returncode, out, self._err.read_text())


def _evaluations(text: str) -> int:
    words = [part.split()[0] for part in text.split(" | ") if " evaluations (" in part]
    return int(words[-1]) if words else 0


def children_of(pid: int) -> dict[int, str]:
    """Living processes below `pid`, direct and not, with their command lines."""
    parents: dict[int, int] = {}
    commands: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                # One that ends between the two looks is not there.
                command = (entry / "cmdline").read_text().replace("\0", " ")
                if fields[0] != "Z":
                    parents[int(entry.name)], commands[int(entry.name)] = int(fields[1]), command
            except (FileNotFoundError, ProcessLookupError):
                continue
    found: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        above = waiting.pop()
        below = [child for child, parent in parents.items() if parent == above]
        found |= {child: commands[child] for child in below}
        waiting += below
    return found


def alive(pids: set[int]) -> set[int]:
    left: set[int] = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            left.add(pid)
    return left
