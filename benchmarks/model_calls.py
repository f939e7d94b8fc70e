"""How close one worker comes to the ideal with many slow model calls in flight.

    python -m benchmarks.model_calls [--calls 960] [--in-flight 64] [--seconds 1]

Prints one JSON object. A real worker process answers proposals from a real database; the endpoint is a local server that
answers every call after `--seconds`. Ideal is calls / in flight x seconds; `ratio` is ideal over what it took, from the
first request to the last answer, prompts, money, stored answers, applied diffs and stored programs included.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.process_tree import cpu_seconds
from database import proposals, runs
from database.embedded import EmbeddedPostgres
from database.engine import Database
from database.migrate import upgrade
from database.tables import proposal
from evolution.evaluation import Tier
from evolution.problem import Problem, problem_from_files
from evolution.proposal import Choice, Operator, Propensity, ProposalState
from evolution.run import Budget, ModelChoice, RunConfig
from tests.openai_server import OpenAiServer, Says

SEED = (
    "# EVOLVE-BLOCK-START\n"
    + "".join(f"def step_{i}(x):\n    return x + {i}\n\n\n" for i in range(40))
    + "# EVOLVE-BLOCK-END\n"
)
DEFINITION = 'name = "steps"\ntitle = "Steps"\nstatement = "Change a step."\nseed = ["main.py"]\n'
MODELS = """
[[models]]
name = "slow"
base_url = "{url}"
model = "scripted"
price_in = 1_000_000
price_out = 1_000_000
concurrency = {in_flight}
"""


def problem() -> Problem:
    """Forty short functions: a prompt of a usual length."""
    files = {"problem.toml": DEFINITION, "main.py": SEED, "judge.py": ""}
    return problem_from_files({path: text.encode() for path, text in files.items()})


async def ask(database: Database, calls: int) -> int:
    """A run with `calls` proposals waiting for a worker; returns its id."""
    config = RunConfig(models=(ModelChoice(name="slow"),), budget=Budget(micro_dollars=10**12))
    choice = Choice(Operator.DIFF, 0, 0, (), "slow", None, Propensity(1, 1, 1, 1, 1))
    async with database.begin() as connection:
        run = await runs.create(
            connection, problem(), config, 1, Tier.PLAIN, normalised_hash=b"seed", length=len(SEED), literals=40
        )
        await proposals.ask(connection, run, [(number, 1, choice) for number in range(1, calls + 1)])
    return run


async def measure(calls: int, in_flight: int, seconds: float, folder: Path, url: str) -> dict[str, Any]:
    """Let one worker process answer all proposals of a fresh run."""
    arrivals: list[float] = []

    def reply(number: int, _body: dict[str, Any]) -> Says:
        arrivals.append(time.perf_counter())
        text = f"<<<<<<< SEARCH\n    return x + 7\n=======\n    return x * {number + 2}\n>>>>>>> REPLACE\n"
        return Says(text, delay_s=seconds)

    await upgrade(url)
    async with Database(url) as database, OpenAiServer(reply) as server:
        run = await ask(database, calls)
        models = folder / "models.toml"
        models.write_text(MODELS.format(url=server.base_url, in_flight=in_flight))
        told = {"GALAPAGOS_DATABASE_URL": url, "GALAPAGOS_MODELS": str(models)}
        worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "workers", env={**os.environ, **told})
        try:
            answered = await finished(database, run, worker)
            took = time.perf_counter() - arrivals[0]
            cpu_s = cpu_seconds(worker.pid)
        finally:
            if worker.returncode is None:
                worker.terminate()
            await asyncio.wait_for(worker.wait(), 30)
    ideal = calls / in_flight * seconds
    return {
        "calls": calls,
        "answered": answered,
        "in_flight": server.most_in_flight,
        "ideal_s": ideal,
        "took_s": round(took, 3),
        "ratio": round(ideal / took, 4),
        "worker_cpu_ms_per_call": round(1000 * cpu_s / calls, 2),
    }


async def finished(database: Database, run: int, worker: asyncio.subprocess.Process) -> int:
    """Wait until no proposal is open any more; returns how many brought a program."""
    open_states = (ProposalState.QUEUED, ProposalState.LEASED)
    of_run = proposal.c.run == run
    left = sa.select(sa.func.count()).where(of_run, proposal.c.state.in_(open_states))
    answered = sa.select(sa.func.count()).where(of_run, proposal.c.state == ProposalState.ANSWERED, proposal.c.number > 0)
    while True:
        await asyncio.sleep(0.05)
        if worker.returncode is not None:
            raise SystemExit(f"the worker ended with {worker.returncode}")
        async with database.begin() as connection:
            if (await connection.execute(left)).scalar_one() == 0:
                return (await connection.execute(answered)).scalar_one()


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=960)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="galapagos-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with EmbeddedPostgres(folder / "data") as postgres:
            print(json.dumps(asyncio.run(measure(options.calls, options.in_flight, options.seconds, folder, postgres.url))))


if __name__ == "__main__":
    main()
