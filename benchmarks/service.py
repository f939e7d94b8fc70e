"""What a service with many clients costs a run, and how soon its followers hear of an event.

    python -m benchmarks.service [--streams 1000] [--reads 100] [--seconds 40]

Prints one JSON object. A real run of `twenty_literals` asks a local endpoint that takes a second for each answer, eight at a
time; beside it stands a real service. Its rate is measured alone, with the clients of `benchmarks.service_load`, and
alone again: `run_slowed_to` is the rate with clients over the mean of the other two.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks import baselines
from benchmarks.process_tree import cpu_seconds
from database import people, views
from database.engine import Database
from tests.openai_server import OpenAiServer, Says

MODELS = """
[[models]]
name = "slow"
base_url = "{url}"
model = "scripted"
price_in = 1_000_000
price_out = 1_000_000
concurrency = 8
"""
IN_FLIGHT = 8
PORT = 18_765
WARM_UP_S = 8.0


def reply(number: int, _body: dict[str, Any]) -> Says:
    """Twenty other numbers, after a second."""
    draw = random.Random(number)
    numbers = "".join(f"        {draw.uniform(-1, 1):.4f},\n" for _ in range(20))
    program = baselines.SEED.split("    return [")[0] + f"    return [\n{numbers}    ]\n    # EVOLVE-BLOCK-END\n"
    return Says(f"```python\n{program}```", delay_s=1.0)


async def rate(database: Database, seconds: float) -> float:
    """Evaluations per second of run 1 over so long a time."""
    async with database.begin() as connection:
        before, began = (await views.live(connection, 1)).evaluations, time.perf_counter()
    await asyncio.sleep(seconds)
    async with database.begin() as connection:
        return ((await views.live(connection, 1)).evaluations - before) / (time.perf_counter() - began)


async def until_ready(url: str) -> None:
    """Wait for the service."""
    async with httpx.AsyncClient() as client:
        for _ in range(200):
            try:
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise SystemExit("the service does not come up")


async def database_of(data: Path) -> str:
    """The address of the run's embedded database, once it is there."""
    for _ in range(300):
        await asyncio.sleep(0.1)
        if (data / "database" / "url").exists():
            return (data / "database" / "url").read_text().strip()
    raise SystemExit("the run does not come up")


async def measure(folder: Path, streams: int, reads: float, seconds: float) -> dict[str, Any]:
    """The run alone, with clients, and alone again."""
    async with OpenAiServer(reply) as endpoint:
        models = folder / "models.toml"
        models.write_text(MODELS.format(url=endpoint.base_url))
        told = {**os.environ, "GALAPAGOS_MODELS": str(models)}
        command = ["run", str(baselines.FOLDER), "--model", "slow", "--no-mutate", "--no-tune", "--in-flight", str(IN_FLIGHT)]
        command += ["--seconds", str(4 * seconds + 60), "--budget", "1000", "--data", str(folder / "data"), "--json"]
        run = await asyncio.create_subprocess_exec(sys.executable, "-m", "galapagos", *command, env=told, stdout=-3, stderr=-3)
        address = await database_of(folder / "data")
        await asyncio.sleep(WARM_UP_S)
        # All clients have one token.
        told = {
            **os.environ,
            "GALAPAGOS_DATABASE_URL": address,
            "GALAPAGOS_PORT": str(PORT),
            "GALAPAGOS_REQUESTS_PER_MINUTE": "600000",
        }
        service = await asyncio.create_subprocess_exec(sys.executable, "-m", "server", env=told, stderr=-3)
        try:
            async with Database(address, pool_size=2) as database:
                return await _with_and_without(database, service.pid, run.pid, streams, reads, seconds)
        finally:
            for process in (service, run):
                process.terminate()
                process.terminate()
                await asyncio.wait_for(process.wait(), 60)


async def _with_and_without(
    database: Database, service: int, run: int, streams: int, reads: float, seconds: float
) -> dict[str, Any]:
    async with database.begin() as connection:
        token = (await people.first_administrator(connection, "benchmark")).text
    url = f"http://127.0.0.1:{PORT}"
    await until_ready(url)
    alone = await rate(database, seconds)
    cpu, run_cpu, began = cpu_seconds(service), cpu_seconds(run), time.perf_counter()
    options = ["--streams", str(streams), "--reads", str(reads), "--seconds", str(seconds)]
    clients = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.service_load", f"{url}/api/v1", token, "1", *options, stdout=-1
    )
    # While they connect.
    await asyncio.sleep(4)
    beside = await rate(database, seconds - 2)
    told, _ = await clients.communicate()
    took = time.perf_counter() - began
    cpu, run_cpu = cpu_seconds(service) - cpu, cpu_seconds(run) - run_cpu
    again = await rate(database, seconds / 2)
    return {
        "candidates_per_s": {"alone": alone, "with_clients": beside, "alone_again": again},
        "run_slowed_to": 2 * beside / (alone + again),
        "service_cpu_share": cpu / took,
        "run_cpu_share": run_cpu / took,
        "clients": json.loads(told),
    }


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--reads", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=40)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="galapagos-bench-") as name:
        Path(name).chmod(0o755)
        found = asyncio.run(measure(Path(name), chosen.streams, chosen.reads, chosen.seconds))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
