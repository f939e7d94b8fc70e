"""The three yardsticks of the throughput benchmark: no isolation, no database, the same candidate and the same score.

Each evaluates `count` blind mutations of the twenty-literals seed, two at a time, and returns candidates per second.
"""

import importlib.util
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import cast

FOLDER = Path(__file__).parent / "twenty_literals"
WORKERS = 2
LITERAL = re.compile(r"-?\d+\.\d+")


def _judge() -> types.ModuleType:
    """The judge, loaded without its sandbox module."""
    sys.modules.setdefault("galapagos_judge", cast(types.ModuleType, types.SimpleNamespace(Rejected=ValueError)))
    spec = importlib.util.spec_from_file_location("twenty_judge", FOLDER / "judge.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


JUDGE = _judge()
AGREEMENT: Callable[[object], float] = JUDGE.agreement
SEED = (FOLDER / "twenty.py").read_text()


def mutant(source: str, rng: random.Random) -> str:
    """One literal of the source replaced by a neighbour within [-1, 1]."""
    places = list(LITERAL.finditer(source))
    place = rng.choice(places)
    value = max(-1.0, min(1.0, float(place.group()) + rng.gauss(0.0, 0.2)))
    return f"{source[: place.start()]}{value:.6f}{source[place.end() :]}"


def score(source: str) -> float:
    """Execute a candidate in this very process and score what it returns."""
    scope: dict[str, object] = {}
    exec(compile(source, "twenty.py", "exec"), scope)  # noqa: S102 - the baseline is what no isolation costs
    return AGREEMENT(cast(Callable[[], object], scope["solve"])())


def ten_best_loop(count: int, seed: int, evaluate: Callable[[str], float] = score) -> tuple[float, float]:
    """The bare in-process loop: a random one of the ten best is mutated; returns (candidates per second, best score)."""
    rng = random.Random(seed)
    best = [(evaluate(SEED), SEED)]
    started = time.perf_counter()
    for _ in range(count):
        child = mutant(rng.choice(best)[1], rng)
        best.append((evaluate(child), child))
        best.sort(key=lambda pair: -pair[0])
        del best[10:]
    return count / (time.perf_counter() - started), best[0][0]


def _in_parallel(job: Callable[[int], None]) -> float:
    started = time.perf_counter()
    threads = [Thread(target=job, args=(index,)) for index in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def _fork_and_score(source: str) -> float:
    """Fork this process, score in the child, read eight bytes back: no confinement whatever."""
    import struct

    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, struct.pack("d", score(source)))
        os._exit(0)
    os.close(writer)
    answer = os.read(reader, 8)
    os.close(reader)
    os.waitpid(child, 0)
    return struct.unpack("d", answer)[0]


def zygote_fork(count: int) -> float:
    """Candidates per second of two bare warm zygotes, each forking once per candidate."""
    share = count // WORKERS
    started = time.perf_counter()
    children: list[int] = []
    for index in range(WORKERS):
        child = os.fork()
        if child == 0:
            ten_best_loop(share, index, _fork_and_score)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    return share * WORKERS / (time.perf_counter() - started)


def fresh_interpreter(count: int) -> float:
    """Candidates per second when each one starts Python, imports numpy, and prints what the parent scores."""
    share = count // WORKERS
    tail = "\nimport numpy, json\nprint(json.dumps(solve()))\n"

    def job(index: int) -> None:
        rng = random.Random(index)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "candidate.py"
            for _ in range(share):
                path.write_text(mutant(SEED, rng) + tail)
                answer = subprocess.run([sys.executable, str(path)], capture_output=True, check=True).stdout
                AGREEMENT(__import__("json").loads(answer))

    return share * WORKERS / _in_parallel(job)
