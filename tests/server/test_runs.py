"""Runs over HTTP: started, listed, looked at, steered, forked, reopened; by whom, and at what cost."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from database import audit, commands, damage, gpus, problems, programs, runs
from database.engine import Database
from evolution.commands import CommandState
from evolution.gpu import Gpu, GpuHealth, GpuState
from evolution.language import Language
from evolution.models import ModelsError
from evolution.run import RunConfig, RunState
from server.app import create_app
from server.run_requests import fitting
from server.settings import ServerSettings
from tests.database.scene import new_run, toy_problem
from tests.database.test_gpus import hungry_problem
from tests.galapagos.filled_run import begin, evil_problem, fill, serve
from tests.server.conftest import CountServed, Team
from tests.server.test_failures import told


async def known(database: Database) -> str:
    problem = toy_problem(direction="minimize")
    async with database.begin() as connection:
        await problems.store(connection, problem)
        await problems.add(connection, 1, problem.revision)
    return problem.revision


async def test_a_run_is_started_with_every_default_resolved(team: Team, database: Database) -> None:
    revision = await known(database)
    response = await team.member.post("/runs", json={"problem": "toy", "config": {"budget": {"evaluations": 9}}, "seed": 5})
    assert response.status_code == 201, response.text
    found = response.json()
    assert (found["revision"], found["seed"], found["state"], found["tier"]) == (revision, 5, "running", "namespaces")
    assert found["config"] == RunConfig.model_validate({"budget": {"evaluations": 9}}).model_dump(mode="json")
    assert found["started_by"] == 3
    assert found["money"]["limit_micro_dollars"] is None
    async with database.begin() as connection:
        row = await runs.load(connection, found["id"])
        seed = (await programs.load(connection, found["id"], [0]))[0]
    assert (row.seed, row.person, row.project) == (5, 3, 1)
    assert seed.files == toy_problem().seed_files
    by_revision = await team.member.post("/runs", json={"problem": revision})
    assert by_revision.status_code == 201
    assert by_revision.json()["seed"] != 5


async def test_runs_that_cannot_be(team: Team, database: Database) -> None:
    await known(database)
    for sent, status, field in [
        ({"problem": "nothing"}, 404, None),
        ({"problem": "toy", "project": 12}, 403, None),
        ({"problem": "No Name"}, 422, "body.problem"),
        ({"problem": "toy", "config": {"lag": 0}}, 422, "body.config.lag"),
        ({"problem": "toy", "config": {"lagg": 1}}, 422, "body.config.lagg"),
        ({"problem": "toy", "config": {"budget": {"micro_dollars": 1 << 64}}}, 422, "body.config.budget.micro_dollars"),
        ({"problem": "toy", "config": {"mutate": False}}, 422, "body.config.models"),
        ({"problem": "toy", "config": {"models": [{"name": "gpt"}]}}, 422, "body.config.models"),
        ({"problem": "toy", "config": {"models": [{"name": "a\0"}]}}, 422, "body"),
        ({"problem": "toy", "seed": -1}, 422, "body.seed"),
        ({"problem": "toy", "seed": 1 << 63}, 422, "body.seed"),
        ({}, 422, "body.problem"),
    ]:
        body = told(await team.member.post("/runs", json=sent), status)
        assert field is None or body["errors"][0]["field"] == field, body
    assert (await team.member.get("/runs")).json() == {"items": [], "next": None}


async def test_models_must_be_configured_and_priced(app: FastAPI, database_url: str, tmp_path: Path) -> None:
    table = '[[models]]\nname = "NAME"\nbase_url = "http://127.0.0.1:1/v1"\nmodel = "m"\n'
    priced = table.replace("NAME", "priced") + "price_in = 1\nprice_out = 1\n"
    (tmp_path / "models.toml").write_text(table.replace("NAME", "free") + priced)
    service = create_app(ServerSettings(database_url=database_url, models=tmp_path / "models.toml")).state.service

    def config(*names: str, money: int | None = None) -> RunConfig:
        given: dict[str, Any] = {"models": [{"name": name} for name in names], "budget": {"micro_dollars": money}}
        return RunConfig.model_validate(given)

    assert fitting(service, config("free"), Language.PYTHON).mutate
    assert not fitting(service, config("priced", money=5), Language.RUST).mutate
    for wrong in (config("free", money=5), config("free", "free"), config("other")):
        with pytest.raises(ModelsError):
            fitting(service, wrong, Language.PYTHON)


async def test_a_problem_that_needs_a_gpu_is_refused_where_no_evaluator_has_one(team: Team, database: Database) -> None:
    problem = hungry_problem()
    async with database.begin() as connection:
        await problems.store(connection, problem)
        await problems.add(connection, 1, problem.revision)
    body = told(await team.member.post("/runs", json={"problem": problem.revision}), 409)
    assert body["detail"].startswith("expected an evaluator with a GPU, since a stage of the problem asks for one (gpus = 1)")
    async with database.begin() as connection:
        await gpus.tell(connection, "here", [GpuState(Gpu("GPU-1", "Toy 100", "570", 1024), GpuHealth.FREE)])
    assert (await team.member.post("/runs", json={"problem": problem.revision})).status_code == 201


async def test_scores_of_a_run_are_raw(team: Team, database: Database) -> None:
    run = await fill(database, evil_problem("minimize"), 40)
    found = (await team.viewer.get(f"/runs/{run}")).json()
    assert found["state"] == "finished"
    assert found["evaluations"] == 40
    assert found["best_score"] < -1
    assert found["seed_score"] == -1.0
    assert found["verified_score"] is not None
    assert found["champion"] is not None
    line = (await team.viewer.get("/runs")).json()["items"][0]
    assert {key: line[key] for key in ("best_score", "verified_score", "evaluations", "state")} == {
        key: found[key] for key in ("best_score", "verified_score", "evaluations", "state")
    }
    assert line["finished_at"].endswith("Z")


async def test_nothing_of_a_run_gives_its_secret_away(team: Team, database: Database) -> None:
    run = await new_run(database)
    async with database.begin() as connection:
        secret = (await runs.load(connection, run)).secret
    for address in (f"/runs/{run}", "/runs", f"/runs/{run}/commands"):
        text = (await team.root.get(address)).text
        assert "secret" not in text
        assert secret.hex() not in text


async def test_who_may_do_what_with_a_run(team: Team, database: Database) -> None:
    run = await new_run(database)
    for client in (team.stranger,):
        told(await client.get(f"/runs/{run}"), 404)
        told(await client.post(f"/runs/{run}/pause"), 404)
        assert (await client.get("/runs")).json()["items"] == []
        told(await client.get("/runs?project=1"), 403)
    for client in (team.viewer, team.worker):
        assert (await client.get(f"/runs/{run}")).status_code == 200
        told(await client.post(f"/runs/{run}/pause"), 403)
        told(await client.post(f"/runs/{run}/fork", json={"program": 0}), 403)
    assert (await team.viewer.get(f"/runs/{run}")).json()["money"]["spent_micro_dollars"] == 0
    worker = (await team.worker.get(f"/runs/{run}")).json()
    assert (worker["money"], worker["spent_micro_dollars"]) == (None, None)
    assert (await team.worker.get("/runs")).json()["items"][0]["spent_micro_dollars"] is None
    told(await team.root.get("/runs/999"), 404)
    told(await team.root.get(f"/runs/{1 << 63}"), 400)


async def test_pages_of_runs(team: Team, database: Database, served_statements: CountServed) -> None:
    made = [await new_run(database) for _ in range(5)]
    await team.viewer.get("/runs")
    seen: list[int] = []
    cursor: str | None = None
    while True:
        with served_statements() as statements:
            page = (await team.viewer.get("/runs?limit=2" + (f"&cursor={cursor}" if cursor else ""))).json()
        assert len(statements) == 1, statements.texts
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == made[::-1]
    revision = toy_problem().revision
    assert len((await team.viewer.get(f"/runs?problem={revision}&state=running&project=1")).json()["items"]) == 5
    assert (await team.viewer.get("/runs?state=finished")).json()["items"] == []
    told(await team.viewer.get("/runs?state=lost"), 400)
    told(await team.viewer.get("/runs?sort=score"), 400)
    await team.viewer.get(f"/runs/{made[0]}")
    with served_statements() as statements:
        await team.viewer.get(f"/runs/{made[0]}")
    assert len(statements) == 3, statements.texts


async def test_a_run_obeys_what_it_is_told(team: Team, database: Database) -> None:
    problem = evil_problem()
    filler, active = await begin(database, problem, 60)
    asked = await team.member.post(f"/runs/{active.id}/pause")
    assert asked.status_code == 202
    assert asked.json()["state"] == "waiting"
    assert asked.json()["person"] == 3
    await serve(filler, active, RunState.PAUSED)
    assert (await team.viewer.get(f"/runs/{active.id}")).json()["state"] == "paused"
    told(await team.member.post(f"/runs/{active.id}/pause"), 409)
    assert (await team.member.post(f"/runs/{active.id}/resume")).status_code == 202
    assert (await team.member.put(f"/runs/{active.id}/budget", json={"budget": {"evaluations": 30}})).status_code == 202
    told(await team.member.put(f"/runs/{active.id}/models", json={"models": [{"name": "unknown"}]}), 422)
    told(await team.member.post(f"/runs/{active.id}/commands", json={"kind": "dance"}), 422)
    assert (await team.member.post(f"/runs/{active.id}/commands", json={"kind": "stop"})).status_code == 202
    await serve(filler, active, RunState.FINISHED)
    page = (await team.viewer.get(f"/runs/{active.id}/commands?limit=3")).json()
    assert [item["kind"] for item in page["items"]] == ["pause", "resume", "set_budget"]
    rest = (await team.viewer.get(f"/runs/{active.id}/commands?limit=3&cursor={page['next']}")).json()
    assert [item["kind"] for item in rest["items"]] == ["stop"]
    some = (await team.viewer.get(f"/runs/{active.id}/commands?kind=stop&kind=pause")).json()
    assert [item["kind"] for item in some["items"]] == ["pause", "stop"]
    told(await team.viewer.get(f"/runs/{active.id}/commands?kind=dance"), 400)
    async with database.begin() as connection:
        stored = await commands.list_commands(connection, active.id)
    assert all(item.state is CommandState.TAKEN for item in stored)
    told(await team.member.post(f"/runs/{active.id}/stop"), 409)


async def test_a_run_gets_another_share(team: Team, database: Database) -> None:
    run = await new_run(database)
    assert (await team.viewer.get(f"/runs/{run}")).json()["priority"] == 1.0
    response = await team.member.put(f"/runs/{run}/priority", json={"priority": 2.5})
    assert (response.status_code, response.json()) == (200, {"run": run, "priority": 2.5})
    assert (await team.viewer.get(f"/runs/{run}")).json()["priority"] == 2.5
    for wrong in (0, 1001, "much", None):
        body = told(await team.member.put(f"/runs/{run}/priority", json={"priority": wrong}), 422)
        assert body["errors"][0]["field"] == "body.priority"
    async with database.begin() as connection:
        entry = (await audit.read(connection, limit=1))[0]
    assert (entry.name, entry.action, entry.subject) == ("member", "set_priority", f"run {run}")
    assert entry.detail == {"priority": 2.5}


async def test_an_ended_run_goes_on_under_another_budget(team: Team, database: Database) -> None:
    run = await fill(database, evil_problem(), 20)
    told(await team.member.post(f"/runs/{run}/reopen", json={"budget": {"evaluations": 20}}), 409)
    found = await team.member.post(f"/runs/{run}/reopen", json={"budget": {"evaluations": 25}})
    assert found.status_code == 200, found.text
    assert (found.json()["state"], found.json()["config"]["budget"]["evaluations"]) == ("running", 25)


async def test_a_fork_begins_with_a_program_of_another_run(team: Team, database: Database) -> None:
    run = await fill(database, evil_problem(), 20)
    best = (await team.viewer.get(f"/runs/{run}")).json()["best"]
    response = await team.member.post(f"/runs/{run}/fork", json={"program": best})
    assert response.status_code == 201, response.text
    fork = response.json()
    assert fork["origin"] == {"run": run, "program": best}
    assert fork["config"]["budget"]["evaluations"] == 20
    async with database.begin() as connection:
        origin = (await programs.load(connection, run, [best]))[best]
        seed = (await programs.load(connection, fork["id"], [0]))[0]
    assert seed.files == origin.files
    told(await team.member.post(f"/runs/{run}/fork", json={"program": 100_000}), 404)


async def test_a_damaged_run_says_why(team: Team, database: Database) -> None:
    run, other = await new_run(database), await new_run(database)
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE run SET config = '{}'::jsonb || '{\"lag\": 0}' WHERE id = :run"), {"run": run})
        await damage.set_aside(connection, run, "its configuration is broken")
    assert "its configuration is broken" in told(await team.viewer.get(f"/runs/{run}"), 409)["detail"]
    assert [item["id"] for item in (await team.viewer.get("/runs")).json()["items"]] == [other, run]
