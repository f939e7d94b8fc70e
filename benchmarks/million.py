"""What pages of the service cost when a run has a million programs.

    python -m benchmarks.million [--programs 1000000] [--requests 50] [--keep FOLDER]

Prints one JSON object: milliseconds and statements of each list of the service, for the first page and the next one, in
each order and with each filter. The rows are made by the server itself, in a database of its own with two runs; `--keep`
leaves the database there for the next time.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from database import people, runs
from database.embedded import EmbeddedPostgres
from database.engine import Database
from database.migrate import upgrade
from evolution.evaluation import Tier
from evolution.run import RunConfig
from galapagos.problem_folder import find_problem_folder, read_problem_folder
from server.app import create_app
from server.settings import ServerSettings

ISLANDS = 8
_PROGRAMS = (
    "sort=number",
    "sort=-number",
    "sort=score",
    "sort=-score",
    "verdict=crashed",
    "operator=rewrite",
    "island=3",
    "model=model-1",
    "sort=-score&island=3",
)
ROWS = (
    """
    INSERT INTO blob (hash, content)
    SELECT sha256(int8send(n)), convert_to(json_build_object('pack.py', 'x = ' || n)::text, 'UTF8')
    FROM generate_series(1, 1000) n
    """,
    """
    INSERT INTO proposal (run, number, seen_event, operator, island, parent, inspirations, model, state, closed_event)
    SELECT :run, n, n, (CASE n % 4 WHEN 0 THEN 'diff' WHEN 1 THEN 'rewrite' WHEN 2 THEN 'mutate' ELSE 'tune' END)::operator,
        n % :islands, n / 2, '{}', CASE WHEN n % 4 < 2 THEN 'model-' || n % 3 END, 'answered', 2 * n
    FROM generate_series(1, :programs) n
    """,
    """
    INSERT INTO program (run, number, island, parent, files, normalised_hash, length, literals, generation)
    SELECT :run, n, n % :islands, n / 2, sha256(int8send(1 + n % 1000)), sha256(int8send(n)), 1000 + n % 700, n % 40,
        floor(log(2, n))
    FROM generate_series(1, :programs) n
    """,
    """
    INSERT INTO evaluation (run, program, purpose, state, verdict, score, metrics, features, stages, duration_s, tier,
        finished_at)
    SELECT run, id, 'search', 'finished',
        (CASE WHEN number % 10 = 0 THEN 'crashed' ELSE 'scored' END)::verdict,
        CASE WHEN number % 10 > 0 THEN 2 + (number::bigint * 7919 % 999983) / 1e6 END,
        '{"sum": 2.5}', '{"length": 1000.0}', '[]', 0.1,
        'plain', now()
    FROM program WHERE run = :run AND number > 0
    """,
    """
    INSERT INTO scored (run, place, number, island, score)
    SELECT :run, row_number() OVER (ORDER BY n) - 1, n, n % :islands, 2 + (n::bigint * 7919 % 999983) / 1e6
    FROM generate_series(1, :programs) n WHERE n % 10 > 0
    """,
    """
    INSERT INTO event (run, number, kind, payload)
    SELECT :run, n, 'new_best', json_build_object('kind', 'new_best', 'number', n / 2, 'score', 2.5, 'evaluations', n / 2)
    FROM generate_series(1, 2 * :programs) n
    """,
    """
    INSERT INTO elite (run, island, cell, number, score, length, literals, at_event)
    SELECT :run, n % :islands, ARRAY[n / :islands / 12, n / :islands % 12]::smallint[], n, 2.5, 1000, 10, n
    FROM generate_series(1, 100 * :islands) n
    """,
    """
    INSERT INTO record (run, number, score, evaluations, seconds, micro_dollars)
    SELECT :run, n * n, 2 + n / 1000.0, n * n, n, n FROM generate_series(1, 500) n
    """,
    "UPDATE run SET as_of_event = 2 * :programs WHERE id = :run",
)


def _of_this(statement: str, run: int, programs: int) -> str:
    """The statement with its three numbers; a cast has two colons, which stay."""
    for name, value in {"run": run, "programs": programs, "islands": ISLANDS}.items():
        statement = statement.replace(f":{name}", str(value))
    return statement


async def fill(database: Database, programs: int) -> int:
    """Two runs, the second with so many programs; returns its number."""
    problem = read_problem_folder(find_problem_folder("circle_packing_26"))
    told = {"normalised_hash": b"seed", "length": 1000, "literals": 12}
    async with database.begin() as connection:
        await runs.create(connection, problem, RunConfig(), 1, Tier.PLAIN, **told)
        run = await runs.create(connection, problem, RunConfig(), 1, Tier.PLAIN, **told)
    for statement in ROWS:
        async with database.begin() as connection:
            await connection.exec_driver_sql(_of_this(statement, run, programs))
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.exec_driver_sql("VACUUM ANALYZE")
    return run


def pages(run: int, programs: int) -> list[str]:
    """The addresses that are asked for: every list of the service, in each order and with each filter."""
    base = f"/runs/{run}"
    middle = programs // 2
    lists = ["/runs", "/runs?project=1&state=running", "/problems", "/models", "/fleet", "/people", "/projects", "/audit", base]
    lists += [f"/spend?by={by}" for by in ("project", "person", "run", "model")]
    lists += [f"{base}/programs?{chosen}" for chosen in _PROGRAMS]
    lists += [f"{base}/programs/{middle}", f"{base}/programs/{middle}/ancestors", f"{base}/programs/{middle}/children"]
    lists += [f"{base}/archive", f"{base}/archive?island=3", f"{base}/records", f"{base}/commands", f"{base}/assignments"]
    return [*lists, f"{base}/events?limit=200", f"{base}/events?limit=200&after={programs}"]


async def measure(url: str, run: int, programs: int, requests: int) -> dict[str, Any]:
    """Milliseconds and statements of each page, asked `requests` times after one that does not count."""
    app = create_app(ServerSettings(database_url=url))
    found: dict[str, Any] = {}
    async with app.router.lifespan_context(app):
        token = await _token(app.state.service.database)
        statements: list[str] = []
        engine = app.state.service.database.engine.sync_engine
        sa.event.listen(engine, "before_cursor_execute", lambda _c, _k, text, *_: statements.append(text))
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://service/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=120,
        )
        async with client:
            for path in pages(run, programs):
                found[path], following = await _asked(client, path, requests, statements)
                if following is not None:
                    more = "&" if "?" in path else "?"
                    next_page, _ = await _asked(client, f"{path}{more}cursor={following}", requests, statements)
                    found[f"{path} (next page)"] = next_page
    return found


async def _asked(
    client: httpx.AsyncClient, path: str, requests: int, statements: list[str]
) -> tuple[dict[str, Any], str | None]:
    """What an address costs, and the cursor of the page behind it."""
    took: list[float] = []
    for _ in range(requests + 1):
        statements.clear()
        began = time.perf_counter()
        response = await client.get(path)
        took.append(time.perf_counter() - began)
        assert response.status_code == 200, (path, response.text[:300])
    ordered = sorted(took[1:])
    cost = {
        "median_ms": round(1000 * ordered[len(ordered) // 2], 1),
        "p95_ms": round(1000 * ordered[int(0.95 * len(ordered))], 1),
        "statements": len(statements),
        "kilobytes": round(len(response.content) / 1000, 1),
    }
    following = response.json().get("next")
    return cost, following if isinstance(following, str) else None


async def _token(database: Database) -> str:
    async with database.begin() as connection:
        person = await people.create_person(connection, f"benchmark {time.time_ns()}", by=None, is_admin=True)
        return (await people.create_token(connection, person.id, "benchmark", by=None)).text


async def _whole(url: str, programs: int, requests: int) -> dict[str, Any]:
    await upgrade(url)
    async with Database(url) as database:
        async with database.begin() as connection:
            there = await runs.facts(connection, 2)
        run = 2 if there is not None else await fill(database, programs)
    return await measure(url, run, programs, requests)


def main() -> None:
    """Fill, measure, and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=50)
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="galapagos-bench-") as name:
        folder = chosen.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        with EmbeddedPostgres(folder / "database") as server:
            found = asyncio.run(_whole(server.url, chosen.programs, chosen.requests))
    print(json.dumps({"programs": chosen.programs, "pages": found}, indent=1))


if __name__ == "__main__":
    main()
