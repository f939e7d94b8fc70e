"""What is said of a run that lost texts."""

import json

from database import retention
from database.engine import Database
from tests.database.test_retention import aged, removed
from tests.galapagos.filled_run import evil_problem, fill
from tests.server.conftest import Team
from tests.server.test_failures import told


async def test_a_run_says_what_it_lost(team: Team, database: Database) -> None:
    run = await fill(database, evil_problem(), 30)
    whole = (await team.viewer.get(f"/runs/{run}")).json()
    assert whole["removal"] is None
    assert (await team.admin.put("/projects/1/retention", json={"days": 30})).json() == {"days": 30}
    told(await team.member.put("/projects/1/retention", json={"days": 1}), 403)
    told(await team.admin.put("/projects/1/retention", json={"days": 0}), 422)
    assert (await team.worker.get("/projects/1/retention")).json() == {"days": 30}
    await aged(database, 31)
    await removed(database)
    found = (await team.viewer.get(f"/runs/{run}")).json()
    assert found["removal"]["programs"] > 0
    assert found["removal"]["ended_at"] is not None
    for name in ("champion", "best_score", "verified_score", "evaluations", "programs", "cells", "money", "as_of_event"):
        assert found[name] == whole[name]
    async with database.begin() as connection:
        assert await retention.days(connection, 1) == 30

    lines = (await team.viewer.get(f"/runs/{run}/programs", params={"limit": 200})).json()["items"]
    details = [(await team.viewer.get(f"/runs/{run}/programs/{line['number']}")).json() for line in lines]
    gone = next(item["number"] for item in details if not item["files"])
    kept = next(item["number"] for item in details if item["files"] and item["number"])
    assert "retention" in told(await team.member.post(f"/runs/{run}/fork", json={"program": gone}), 409)["detail"]
    assert (await team.member.post(f"/runs/{run}/fork", json={"program": kept})).status_code == 201
    assert "retention" in told(await team.viewer.get(f"/runs/{run}/programs/{gone}/diff", params={"to": "seed"}), 409)["detail"]
    told(await team.admin.post(f"/runs/{run}/reopen", json={"budget": {"evaluations": 999}}), 409)
    rows = [json.loads(line) for line in (await team.viewer.get(f"/runs/{run}/export")).text.splitlines()]
    assert {row["number"] for row in rows if row["files"] == {}} == {item["number"] for item in details if not item["files"]}
