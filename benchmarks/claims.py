"""What a claim of evaluations costs beside long queues of many runs.

    python -m benchmarks.claims [--queued 500000] [--runs 20] [--claims 200] [--limit 16]

Prints one JSON object: median and 95th percentile, in milliseconds, of transactions that claim `--limit` evaluations, with
1,000 queued rows and with `--queued`, spread over `--runs` runs; flushes to disk are off.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from database import evaluations
from database.embedded import EmbeddedPostgres
from database.engine import Database
from database.migrate import upgrade
from evolution.evaluation import Tier
from tests.database.scene import new_run

FILL = sa.text("""
    WITH made AS (
        INSERT INTO program (run, number, island, files, normalised_hash, length, literals, generation)
        SELECT r.id, k, 0, p.files, sha256(convert_to(r.id || '-' || k, 'UTF8')), 1, 1, 1
        FROM run r JOIN program p ON p.run = r.id AND p.number = 0
        CROSS JOIN generate_series(CAST(:first AS integer), CAST(:last AS integer)) k
        RETURNING id, run
    )
    INSERT INTO evaluation (run, program, purpose, tier) SELECT run, id, 'search', 'plain' FROM made ORDER BY random()
""")


async def claimed(database: Database, claims: int, limit: int) -> dict[str, float]:
    """Claim again and again; returns milliseconds."""
    took: list[float] = []
    for _ in range(claims):
        begun = time.perf_counter()
        async with database.begin() as connection:
            found = await evaluations.claim(connection, "benchmark", limit, 600.0, Tier.PLAIN)
        took.append(1000 * (time.perf_counter() - begun))
        assert len(found) == limit
        async with database.begin() as connection:
            await evaluations.release(connection, [item.lease for item in found])
    return {"median_ms": round(statistics.median(took), 2), "p95_ms": round(statistics.quantiles(took, n=20)[-1], 2)}


async def measure(url: str, queued: int, runs: int, claims: int, limit: int) -> dict[str, Any]:
    """Fill the queues, in two steps, and claim from each."""
    await upgrade(url)
    answer: dict[str, Any] = {"runs": runs, "limit": limit}
    async with Database(url) as database:
        for _ in range(runs):
            await new_run(database)
        before = 0
        for total in (1000, queued):
            async with database.begin() as connection:
                await connection.execute(FILL, {"first": before + 1, "last": total // runs})
            async with database.engine.connect() as bare:
                free = await bare.execution_options(isolation_level="AUTOCOMMIT")
                await free.execute(sa.text("VACUUM ANALYZE evaluation"))
            before = total // runs
            answer[f"queued {total}"] = await claimed(database, claims, limit)
    return answer


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queued", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--claims", type=int, default=200)
    parser.add_argument("--limit", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="galapagos-bench-") as name:
        Path(name).chmod(0o755)
        with EmbeddedPostgres(Path(name) / "data", settings={"fsync": "off"}) as postgres:
            url = postgres.url
            print(json.dumps(asyncio.run(measure(url, options.queued, options.runs, options.claims, options.limit))))


if __name__ == "__main__":
    main()
