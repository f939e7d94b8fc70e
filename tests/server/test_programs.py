"""Programs and results over HTTP: filters and orders that an index finds, what changed, who may see what, exports."""

import io
import json
from importlib import import_module
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from database import completions, evaluations, proposals, run_lists, views
from database.engine import Database
from evolution.proposal import Operator
from server.diffs import unified
from tests.database.scene import asked, child, choice, claimed, finished, new_run
from tests.galapagos.filled_run import evil_problem, fill
from tests.server.conftest import CountServed, Team
from tests.server.test_failures import told

PROMPT = json.dumps([{"role": "user", "content": "better"}])


def paged(address: str, limit: int, cursor: str | None = None) -> str:
    more = f"limit={limit}" + (f"&cursor={cursor}" if cursor else "")
    return f"{address}{'&' if '?' in address else '?'}{more}"


async def everything(client: httpx.AsyncClient, address: str, limit: int = 7) -> list[dict[str, Any]]:
    """All pages of a list."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await client.get(paged(address, limit, cursor))
        assert page.status_code == 200, page.text
        found += page.json()["items"]
        cursor = page.json()["next"]
        if cursor is None:
            return found


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
async def test_programs_are_filtered_and_sorted(team: Team, database: Database, direction: str) -> None:
    run = await fill(database, evil_problem(direction), 60)
    at = f"/runs/{run}/programs"
    programs = await everything(team.viewer, at)
    numbers = [item["number"] for item in programs]
    assert numbers == sorted(numbers)
    assert len(numbers) >= 60
    assert [item["number"] for item in await everything(team.viewer, f"{at}?sort=-number")] == numbers[::-1]
    scored = [item for item in programs if item["score"] is not None]
    rising = [item["score"] for item in await everything(team.viewer, f"{at}?sort=score")]
    assert rising == sorted(item["score"] for item in scored)
    assert (rising[0] < 0) == (direction == "minimize")
    assert [item["score"] for item in await everything(team.viewer, f"{at}?sort=-score")] == rising[::-1]
    for name, values in {
        "verdict": ("scored", "crashed", "forbidden"),
        "operator": ("mutate", "seed", "diff"),
        "island": (0, 1, 7),
    }.items():
        for value in values:
            expected = [item["number"] for item in programs if item[name] == value]
            found = await everything(team.viewer, f"{at}?{name}={value}")
            assert sorted(item["number"] for item in found) == expected, (name, value)
    assert [item["score"] for item in await everything(team.viewer, f"{at}?sort=score&island=0")] == sorted(
        item["score"] for item in scored if item["island"] == 0
    )
    assert await everything(team.viewer, f"{at}?model=small") == []


async def test_what_no_index_finds_is_refused(team: Team, database: Database) -> None:
    run = await new_run(database)
    for query in (
        "sort=length",
        "verdict=good",
        "sort=score&verdict=scored",
        "island=0&operator=mutate",
        "length=3",
        "limit=0",
    ):
        told(await team.viewer.get(f"/runs/{run}/programs?{query}"), 400)
    for bad in ("x", "WzFd", "WyJ4Il0"):
        told(await team.viewer.get(f"/runs/{run}/programs?sort=score&cursor={bad}"), 400)


async def test_a_page_costs_one_statement_at_any_place(team: Team, database: Database, served_statements: CountServed) -> None:
    run = await fill(database, evil_problem(), 40)
    addresses = [
        *(f"/runs/{run}/programs{query}" for query in ("", "?sort=-score", "?verdict=scored", "?operator=mutate", "?island=0")),
        f"/runs/{run}/programs/0/children",
        f"/runs/{run}/programs/20/ancestors",
        f"/runs/{run}/records",
    ]
    for address in addresses:
        await team.viewer.get(address)
        for limit in (3, 30):
            with served_statements() as statements:
                page = (await team.viewer.get(paged(address, limit))).json()
            assert len(statements) == 1, address
            if page["next"]:
                with served_statements() as statements:
                    await team.viewer.get(paged(address, limit, page["next"]))
                assert len(statements) == 1, address
    await team.viewer.get(f"/runs/{run}/archive")
    with served_statements() as statements:
        await team.viewer.get(f"/runs/{run}/archive")
    assert len(statements) == 2


async def test_one_program_and_its_family(team: Team, database: Database) -> None:
    run = await fill(database, evil_problem(), 40)
    best = (await team.viewer.get(f"/runs/{run}")).json()["champion"]
    found = (await team.viewer.get(f"/runs/{run}/programs/{best}")).json()
    assert found["evaluation"]["verdict"] == "scored"
    assert found["evaluation"]["stages"][0]["metrics"] == {"m": 1.5}
    assert found["verification"]["score"] is not None
    assert "<svg" in found["verification"]["picture"]
    assert (found["verification"]["tier"], found["verification"]["machine"]["cores"]) == ("plain", 2)
    async with database.begin() as connection:
        await evaluations.ask_verification(connection, run, [best])
        ban = (
            "UPDATE search_state SET state = state || "
            "jsonb_build_object('banned', CAST(:b AS jsonb), 'pins', CAST(:p AS jsonb))"
        )
        await connection.execute(sa.text(ban), {"b": f"[{best}]", "p": "[[0, 0.25, 0, 1.0]]"})
    marked = (await team.viewer.get(f"/runs/{run}/programs/{best}")).json()
    pinned = (await team.viewer.get(f"/runs/{run}/programs/0")).json()
    assert (marked["banned"], marked["pinned"], pinned["banned"], pinned["pinned"]) == (True, None, False, 0.25)
    again, first = await everything(team.viewer, f"/runs/{run}/programs/{best}/verifications", limit=1)
    assert (again["state"], again["series"], first) == ("queued", 1, found["verification"])
    told(await team.viewer.get(f"/runs/{run}/programs/99999/verifications"), 404)
    ancestors = await everything(team.viewer, f"/runs/{run}/programs/{best}/ancestors", limit=1)
    async with database.begin() as connection:
        line = await views.lineage(connection, run, best)
    assert [item["number"] for item in ancestors] == [item.number for item in line[-2::-1]]
    parent = found["parent"]
    children = await everything(team.viewer, f"/runs/{run}/programs/{parent}/children", limit=2)
    assert best in [item["number"] for item in children]
    diff = (await team.viewer.get(f"/runs/{run}/programs/{best}/diff")).json()
    assert (diff["before"], diff["after"]) == (parent, best)
    assert diff["diff"].startswith("--- a/p.py\n+++ b/p.py\n@@")
    assert (await team.viewer.get(f"/runs/{run}/programs/{best}/diff?to=seed")).json()["before"] == 0
    assert (await team.viewer.get(f"/runs/{run}/programs/{best}/diff?to={best}")).json()["diff"] == ""
    told(await team.viewer.get(f"/runs/{run}/programs/{best}/diff?to=99999"), 404)
    told(await team.viewer.get(f"/runs/{run}/programs/{best}/diff?to=child"), 400)
    told(await team.viewer.get(f"/runs/{run}/programs/99999"), 404)
    told(await team.viewer.get(f"/runs/{run}/programs/{1 << 31}"), 400)


async def test_hidden_stages_and_prompts_are_kept_from_workers(team: Team, database: Database) -> None:
    run = await fill(database, evil_problem(), 20)
    best = (await team.viewer.get(f"/runs/{run}")).json()["champion"]
    async with database.begin() as connection:
        hide = "UPDATE evaluation SET stages = jsonb_set(stages, '{0,hidden}', 'true') WHERE run = :run AND purpose = 'verify'"
        await connection.execute(sa.text(hide), {"run": run})
    for client, shown in ((team.viewer, 1), (team.worker, 0)):
        found = (await client.get(f"/runs/{run}/programs/{best}")).json()
        assert len(found["verification"]["stages"]) == shown
        (listed,) = (await client.get(f"/runs/{run}/programs/{best}/verifications")).json()["items"]
        assert len(listed["stages"]) == shown
    for address in (f"programs/{best}/calls", "spend", "export", "dataset"):
        assert (await team.viewer.get(f"/runs/{run}/{address}")).status_code == 200
        told(await team.worker.get(f"/runs/{run}/{address}"), 403)
        told(await team.stranger.get(f"/runs/{run}/{address}"), 404)
    for client, told_money in ((team.viewer, True), (team.worker, False)):
        records = (await client.get(f"/runs/{run}/records")).json()["items"]
        assert (records[0]["micro_dollars"] is not None) == told_money


async def test_results_equal_the_tables(team: Team, database: Database) -> None:
    run = await fill(database, evil_problem("minimize"), 60)
    async with database.begin() as connection:
        elites = await views.elites(connection, run)
        records = await views.records(connection, run)
        (line,) = await run_lists.list_runs(connection)
    archive = await everything(team.viewer, f"/runs/{run}/archive", limit=3)
    assert [(item["island"], tuple(item["cell"]), item["number"], -item["score"]) for item in archive] == [
        (item.island, item.cell, item.number, item.score) for item in elites
    ]
    assert await everything(team.viewer, f"/runs/{run}/archive?island=0", 2) == [item for item in archive if not item["island"]]
    axes = (await team.viewer.get(f"/runs/{run}/archive")).json()["axes"]
    assert [axis["feature"] for axis in axes] == ["width", "length"]
    found = await everything(team.viewer, f"/runs/{run}/records", limit=1)
    assert [(item["number"], -item["score"], item["evaluations"]) for item in found] == [
        (item.number, item.score, item.evaluations) for item in records
    ]
    counts = (await team.viewer.get(f"/runs/{run}/counts")).json()
    assert counts["as_of_event"] == counts["newest_event"]
    assert sum(counts["verdicts"].values()) == line.evaluations
    assert counts == (await team.viewer.get(f"/runs/{run}/counts")).json()


async def test_runs_side_by_side(team: Team, database: Database, served_statements: CountServed) -> None:
    first, second = await fill(database, evil_problem(), 30, 1), await fill(database, evil_problem(), 30, 2)
    other = await fill(database, evil_problem("minimize"), 10)
    with served_statements() as statements:
        found = (await team.viewer.get(f"/comparison?run={second}&run={first}")).json()
    assert len(statements) == 2
    assert found["same_problem"]
    assert [item["run"] for item in found["runs"]] == [second, first]
    alone = (await team.viewer.get(f"/runs/{first}/records")).json()["items"]
    assert found["runs"][1]["records"] == alone
    assert not (await team.viewer.get(f"/comparison?run={first}&run={other}")).json()["same_problem"]
    told(await team.stranger.get(f"/comparison?run={first}"), 404)
    told(await team.viewer.get(f"/comparison?run={first}&run=999"), 404)
    told(await team.viewer.get("/comparison"), 400)


async def with_a_call(database: Database) -> int:
    """A run whose proposal 1 was answered by a model."""
    run = await new_run(database)
    await asked(database, run, 1, what=choice(Operator.DIFF, model="small"))
    (item,) = await claimed(database)
    async with database.begin() as connection:
        call = await completions.reserve(connection, item, model="small", template="diff/1", prompt=PROMPT, micro_dollars=10)
        await completions.settle(
            connection,
            call,
            answer="x = 7\u2028",
            failure=None,
            finish_reason="stop",
            tokens_in=5,
            tokens_out=6,
            micro_dollars=7,
            latency_s=0.5,
        )
        await proposals.answer_many(connection, [(item, child("x = 7"))])
    await finished(database, {0: 1.0, 1: 3.0})
    return run


async def test_what_models_were_asked(team: Team, database: Database) -> None:
    run = await with_a_call(database)
    (call,) = (await team.viewer.get(f"/runs/{run}/programs/1/calls")).json()
    assert (call["prompt"], call["answer"], call["cost_micro_dollars"]) == (PROMPT, "x = 7\u2028", 7)
    assert (await team.viewer.get(f"/runs/{run}/programs/0/calls")).json() == []
    spend = (await team.viewer.get(f"/runs/{run}/spend")).json()
    assert (spend["money"]["spent_micro_dollars"], spend["models"][0]["model"], spend["models"][0]["calls"]) == (7, "small", 1)
    assert spend["operators"] == [{"operator": "diff", "calls": 1, "tokens": 11, "cost_micro_dollars": 7}]
    (row,) = [json.loads(line) for line in (await team.viewer.get(f"/runs/{run}/dataset")).text.strip("\n").split("\n")]
    assert (row["prompt"], row["answer"]) == ([{"role": "user", "content": "better"}], "x = 7\u2028")
    assert (row["reward"], row["parent_reward"], row["verdict"]) == (3.0, 1.0, "scored")
    assert await everything(team.viewer, f"/runs/{run}/programs?model=small") != []


async def test_exports_hold_every_row(team: Team, database: Database) -> None:
    run = await fill(database, evil_problem("minimize"), 40)
    lines = (await team.viewer.get(f"/runs/{run}/export")).text.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["number"] for row in rows] == list(range(len(rows)))
    assert min(row["score"] for row in rows if row["score"] is not None) < 0
    packed = await team.viewer.get(f"/runs/{run}/export?format=parquet")
    parquet: Any = import_module("pyarrow.parquet")
    assert parquet.read_table(io.BytesIO(packed.content)).column("number").to_pylist() == [row["number"] for row in rows]
    assert packed.headers["content-disposition"] == f'attachment; filename="run-{run}.parquet"'
    told(await team.viewer.get(f"/runs/{run}/export?format=xml"), 400)


def test_a_diff_can_be_applied_where_a_file_ends_without_a_line_end() -> None:
    assert unified({"a": "x\ny"}, {"a": "x\nz"}) == (
        "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n x\n-y\n\\ No newline at end of file\n+z\n\\ No newline at end of file\n"
    )
    assert unified({"a": "x\n"}, {"a": "x\n", "b": "new\n"}) == "--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n+new\n"
    assert unified({"a": "x"}, {"a": "x"}) == ""
