"""How fast candidates live their whole life, isolated and durable, against three bare yardsticks in the same run.

    python -m benchmarks.throughput [--evaluations 10000] [--rounds 100] [--delay-ms 1]

Prints one JSON object. `galapagos` is a real run of `twenty_literals` with `mutate` alone on 2 slots; the yardsticks are
those of `benchmarks.baselines`. One evaluation costs about 0.1 ms of processor time besides forks, and 8 us more for each of
`--rounds`, for the yardsticks too. With `--delay-ms` every flush of Postgres to disk takes that much longer.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from benchmarks import baselines
from benchmarks.process_tree import cpu_by_kind, cpu_seconds, pss_mib
from database.binaries import find_binaries
from database.engine import Database
from database.errors import DatabaseError

WEIGH_S = 5.0
"""So often memory is read: the kernel walks all pages of a process for it, and holds it up meanwhile."""
SLOW_FLUSH = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
static void late(void) { struct timespec t = {0, DELAY_US * 1000L}; nanosleep(&t, 0); }
int fdatasync(int fd) { static int (*f)(int); if (!f) f = dlsym(RTLD_NEXT, "fdatasync"); late(); return f(fd); }
int fsync(int fd) { static int (*f)(int); if (!f) f = dlsym(RTLD_NEXT, "fsync"); late(); return f(fd); }
"""


def slow_postgres(folder: Path, delay_ms: float) -> Path:
    """A folder of Postgres binaries whose flushes to disk take `delay_ms` longer."""
    real = find_binaries(None)
    source, shim = folder / "slow.c", folder / "slow.so"
    source.write_text(SLOW_FLUSH.replace("DELAY_US", str(int(delay_ms * 1000))))
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", str(shim), str(source), "-ldl"], check=True)
    wrapped = folder / "bin"
    wrapped.mkdir()
    for tool in real.iterdir():
        (wrapped / tool.name).symlink_to(tool)
    (wrapped / "postgres").unlink()
    (wrapped / "postgres").write_text(f'#!/bin/sh\nexec env LD_PRELOAD={shim} {real}/postgres "$@"\n')
    (wrapped / "postgres").chmod(0o755)
    folder.chmod(0o755)
    return wrapped


def measure(evaluations: int, rounds: int, delay_ms: float) -> dict[str, object]:
    """One run of Galapagos: rate, processor time per candidate early and late, and memory of all its processes."""
    folder = Path(tempfile.mkdtemp(prefix="galapagos-bench-"))
    environment = dict(os.environ)
    if delay_ms:
        environment["GALAPAGOS_POSTGRES_BIN"] = str(slow_postgres(folder, delay_ms))
    problem = folder / "twenty_literals"
    shutil.copytree(baselines.FOLDER, problem, ignore=shutil.ignore_patterns("__pycache__"))
    judge = problem / "judge.py"
    judge.write_text(judge.read_text().replace("ROUNDS = 1\n", f"ROUNDS = {rounds}\n"))
    command = [sys.executable, "-m", "galapagos", "run", str(problem), "--evaluations", str(evaluations)]
    command += ["--no-tune", "--seed", "1", "--json", "--data", str(folder / "data")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    marks: list[tuple[int, float, float]] = []
    split: list[tuple[int, dict[str, float]]] = []
    memory: dict[str, float] = {}
    weigh_at = 0.0
    try:
        while process.poll() is None:
            time.sleep(0.5)
            done = _evaluations(folder / "data")
            if done:
                marks.append((done, time.perf_counter(), cpu_seconds(process.pid)))
                kinds = cpu_by_kind(process.pid)
                if {"controller", "workers", "evaluators"} <= kinds.keys():
                    split.append((done, kinds))
            if time.perf_counter() > weigh_at:
                sizes = pss_mib(process.pid)
                memory = sizes if sum(sizes.values()) > sum(memory.values()) else memory
                weigh_at = time.perf_counter() + WEIGH_S
        out, err = process.communicate()
    finally:
        process.kill()
    if process.returncode:
        raise SystemExit(f"the run ended with {process.returncode}:\n{err[-3000:]}")
    shutil.rmtree(folder)
    by_kind = {kind: round(_slope(split, kind), 2) for kind in split[-1][1]}
    return {
        **_rates(marks),
        "cpu_ms_by_kind": by_kind,
        "pss_mib": round(sum(memory.values())),
        "pss_by_process": memory,
        "result": json.loads(out),
    }


def _slope(split: list[tuple[int, dict[str, float]]], kind: str) -> float:
    """Milliseconds per candidate of one kind of process between the first quarter of a run and its end."""
    early = next(mark for mark in split if mark[0] >= split[-1][0] / 4)
    return 1000 * (split[-1][1][kind] - early[1].get(kind, 0.0)) / (split[-1][0] - early[0])


def _evaluations(data: Path) -> int:
    """Search evaluations admitted so far, as the run's snapshot tells; 0 before there is one."""

    async def read() -> int:
        async with (
            Database((data / "database" / "url").read_text().strip(), pool_size=1) as database,
            database.begin() as connection,
        ):
            found = await connection.execute(sa.text("SELECT max((state ->> 'evaluations')::int) FROM search_state"))
            return found.scalar() or 0

    try:
        return asyncio.run(read())
    except (FileNotFoundError, DatabaseError, DBAPIError):
        return 0


def _rates(marks: list[tuple[int, float, float]]) -> dict[str, object]:
    def cpu_ms(low: int, high: int) -> float | None:
        inside = [mark for mark in marks if low <= mark[0] <= high]
        if len(inside) < 2 or inside[-1][0] == inside[0][0]:
            return None
        return 1000 * (inside[-1][2] - inside[0][2]) / (inside[-1][0] - inside[0][0])

    first = next(mark for mark in marks if mark[0] >= 50)
    last = marks[-1]
    return {
        "candidates_per_s": (last[0] - first[0]) / (last[1] - first[1]),
        "cpu_ms_at_100": cpu_ms(50, 1000),
        "cpu_ms_at_10000": cpu_ms(9000, 11000),
        "cpu_ms_per_candidate": cpu_ms(50, 10**9),
    }


def main() -> None:
    """Measure everything and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--evaluations", type=int, default=10_500)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    chosen = parser.parse_args()
    vars(baselines.JUDGE)["ROUNDS"] = chosen.rounds
    started = time.process_time()
    for _ in range(100):
        baselines.score(baselines.SEED)
    evaluation_ms = 10.0 * (time.process_time() - started)
    yardsticks = {
        "bare_loop_per_s": baselines.ten_best_loop(5000, seed=1)[0],
        "zygote_fork_per_s": baselines.zygote_fork(2000),
        "fresh_interpreter_per_s": baselines.fresh_interpreter(30),
    }
    ours = measure(chosen.evaluations, chosen.rounds, chosen.delay_ms)
    rate = float(str(ours["candidates_per_s"]))
    yardsticks["zygote_fork_per_s"] = (yardsticks["zygote_fork_per_s"] + baselines.zygote_fork(2000)) / 2
    ratios = {
        "to_zygote_fork": rate / yardsticks["zygote_fork_per_s"],
        "to_fresh_interpreter": rate / yardsticks["fresh_interpreter_per_s"],
        "cpu_10000_to_100": _ratio(ours["cpu_ms_at_10000"], ours["cpu_ms_at_100"]),
    }
    print(json.dumps({"evaluation_ms": evaluation_ms, "yardsticks": yardsticks, "galapagos": ours, "ratios": ratios}, indent=1))


def _ratio(late: object, early: object) -> float | None:
    return late / early if isinstance(late, float) and isinstance(early, float) else None


if __name__ == "__main__":
    main()
