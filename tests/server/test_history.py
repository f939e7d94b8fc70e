"""The history of a run in columns is what its log says."""

import httpx
import pytest

from controller.one_pass import one_pass
from database.engine import Database
from tests.galapagos.filled_run import begin, evil_problem, fill
from tests.server.conftest import CountServed, Team


async def _log(client: httpx.AsyncClient, run: int) -> list[dict[str, object]]:
    return (await client.get(f"/runs/{run}/events", params={"limit": 1000})).json()["items"]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
async def test_it_tells_what_the_events_tell(team: Team, database: Database, direction: str) -> None:
    run = await fill(database, evil_problem(direction), 40)
    events = await _log(team.viewer, run)
    admitted = [event for event in events if event["kind"] == "admitted"]
    proposed = {event["program"]: event for event in events if event["kind"] == "proposed"}
    found = (await team.viewer.get(f"/runs/{run}/history")).json()
    assert found["next"] == found["newest"] == len(events)
    kinds = {"island_spawned", "island_reset"}
    assert found["founded"] == [[e["number"], e["island"], e["founder"]] for e in events if e["kind"] in kinds]
    for column, field in (
        ("event", "number"),
        ("number", "program"),
        ("verdict",) * 2,
        ("score",) * 2,
        ("placement",) * 2,
        ("cell",) * 2,
    ):
        assert found[column] == [event[field] for event in admitted], column
    for column in ("operator", "model", "island", "parent"):
        assert found[column][1:] == [proposed[event["program"]][column] for event in admitted[1:]]
    assert (found["operator"][0], found["parent"][0]) == ("seed", None)
    assert found["seconds"] == sorted(found["seconds"])


async def test_pages_join_and_end_with_what_is_in_flight(
    team: Team, database: Database, served_statements: CountServed
) -> None:
    filler, active = await begin(database, evil_problem(), 40)
    await filler.work()
    async with database.begin() as connection:
        await one_pass(connection, active)
    whole = (await team.viewer.get(f"/runs/{filler.run}/history")).json()
    flying = [number for number, event in zip(whole["number"], whole["event"], strict=True) if event is None]
    events = await _log(team.viewer, filler.run)
    closed = {event["program"] for event in events if event["kind"] in {"admitted", "refused"}}
    assert (
        flying == [event["program"] for event in events if event["kind"] == "proposed" and event["program"] not in closed] != []
    )
    joined: list[int] = []
    after, newest = 0, 1
    with served_statements() as statements:
        while after < newest:
            page = (await team.viewer.get(f"/runs/{filler.run}/history", params={"after": after, "limit": 3})).json()
            joined += page["number"]
            after, newest = page["next"], page["newest"]
        pages = -(-newest // 3)
    assert joined == whole["number"]
    assert len(statements) <= pages + 2
    assert (await team.viewer.get(f"/runs/{filler.run}/history", params={"after": newest + 5})).json()["next"] == newest + 5
