"""Events over HTTP: in pages, and live through a real process."""

import json
import signal
import time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from database.engine import Database
from server import recent
from tests.database.scene import new_run, toy_problem
from tests.server.conftest import Team, token_of
from tests.server.test_event_feed import best, log
from tests.server.test_failures import told
from tests.server.test_process import serving


async def test_pages_of_events(team: Team, database: Database) -> None:
    run = await new_run(database, problem=toy_problem(direction="minimize"))
    await log(database, run, *map(best, range(1, 8)))
    after, found = 0, list[dict[str, Any]]()
    while True:
        page = (await team.worker.get(f"/runs/{run}/events", params={"after": after, "limit": 3})).json()
        if not page["items"]:
            break
        found += page["items"]
        after = page["next"]
    assert page == {"items": [], "next": 7}
    assert [(item["number"], item["kind"], item["program"], item["score"]) for item in found] == [
        (number, "new_best", number, -0.5 * number) for number in range(1, 8)
    ]


@pytest.mark.parametrize("address", ["events", "events/stream"])
async def test_nobody_else_hears_of_a_run(team: Team, database: Database, address: str) -> None:
    run = await new_run(database)
    told(await team.stranger.get(f"/runs/{run}/{address}"), 404)
    told(await team.admin.get(f"/runs/{run + 1}/{address}"), 404)
    told(await team.admin.get(f"/runs/{run}/{address}", params={"after": -1}), 400)
    told(await team.admin.get(f"/runs/{run}/events/stream", headers={"Last-Event-ID": "x"}), 400)


async def test_who_is_remembered_is_asked_for_again_in_time(
    team: Team, database: Database, monkeypatch: pytest.MonkeyPatch, app: FastAPI
) -> None:
    run = await new_run(database)
    service = app.state.service
    monkeypatch.setattr(recent, "FRESH_S", 60.0)
    first = await service.recent.caller(await token_of(app, "eve", None))
    assert first is not None
    assert (await team.viewer.get(f"/runs/{run}/events")).status_code == 200
    async with database.begin() as connection:
        await connection.exec_driver_sql("UPDATE token SET revoked_at = now()")
    assert (await team.viewer.get(f"/runs/{run}/events")).status_code == 200
    monkeypatch.setattr(recent, "FRESH_S", 0.0)
    told(await team.viewer.get(f"/runs/{run}/events"), 401)
    monkeypatch.setattr(recent, "FRESH_S", 60.0)
    told(await team.viewer.get(f"/runs/{run}/events"), 401)


async def test_a_stream_goes_on_where_it_was_cut_off_and_lets_the_service_end(
    database: Database, database_url: str, app: FastAPI
) -> None:
    run = await new_run(database)
    await log(database, run, *map(best, range(1, 4)))
    headers = {"Authorization": f"Bearer {await token_of(app, 'root', None)}"}
    with serving(database_url) as (process, address):
        url = f"{address}/api/v1/runs/{run}/events/stream"
        async with httpx.AsyncClient(headers=headers, timeout=20) as client:

            async def until(last: int, **more: str) -> list[int]:
                numbers: list[int] = []
                async with client.stream("GET", url, params={"after": "1"}, headers=more) as response:
                    assert response.headers["content-type"].startswith("text/event-stream")
                    assert response.headers["cache-control"] == "no-store"
                    async for line in response.aiter_lines():
                        if line.startswith("data: "):
                            numbers += [item["number"] for item in json.loads(line[6:])]
                            if numbers[-1] >= last:
                                break
                return numbers

            assert await until(3) == [2, 3]
            await log(database, run, best(4), best(5))
            assert await until(5, **{"Last-Event-ID": "3"}) == [4, 5]
            async with client.stream("GET", url) as response:
                assert response.status_code == 200
                began = time.monotonic()
                process.send_signal(signal.SIGTERM)
                assert process.wait(10) == 0
                assert time.monotonic() - began < 9
