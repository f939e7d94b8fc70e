"""Every route with every role: what docs/api.md says that a role may do is what it may do."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from database import assignments, people, problems, projects, runs
from database.engine import Database
from evolution.people import ALLOWED, Action, Role
from tests.database.scene import answered, new_run, toy_problem
from tests.database.test_alerts import hook
from tests.server.conftest import Team
from tests.server.test_failures import told
from tests.server.test_work import offered

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
ROUTES = re.findall(r"^\| `([A-Z]+) (/api/v1/[^`]*)` \| `([a-z]+)` \|", PAGE, re.MULTILINE)
FOR_INSTALLATION = re.findall(r"^\| `([A-Z]+) (/api/v1/[^`]*)` \| installation \|", PAGE, re.MULTILINE)
FOR_ANYBODY = re.findall(r"^\| `([A-Z]+) (/api/v1/[^`]*)` \| anybody \|", PAGE, re.MULTILINE)
WITHOUT_TOKEN = re.findall(r"^\| `([A-Z]+) (/api/v1/[^`]*)` \| without a token \|", PAGE, re.MULTILINE)
"""How a browser gets in and out: see test_session.py."""
ENDLESS = "/stream"
"""Answers that do not end: they are refused like any other, and read elsewhere."""
OF_NO_PROJECT = frozenset({"/api/v1/runs", "/api/v1/problems", "/api/v1/models"})
"""Lists: they hold what belongs to the caller's projects, so that a stranger gets an empty one."""
ABSENT = "123456789"
"""Stands for what these tests do not make: it is not there for anybody."""


@dataclass(frozen=True)
class Asked:
    """One request to a route."""

    method: str
    path: str
    body: Any


async def _asked(app: FastAPI, database: Database, method: str, path: str) -> Asked:
    """A request that would be right from somebody who may do it, on a run of its own."""
    problem = toy_problem()
    run = await new_run(database, problem=problem)
    async with database.begin() as connection:
        await problems.add(connection, runs.DEFAULT_PROJECT, problem.revision)
    values = {"run": str(run), "revision": problem.revision, "path": "program.py", "project": str(runs.DEFAULT_PROJECT)}
    if re.search(r"\{(person|token)\}", path):
        async with database.begin() as connection:
            somebody = await people.create_person(connection, f"somebody of run {run}", by=None)
            await projects.set_member(connection, runs.DEFAULT_PROJECT, somebody.id, Role.VIEWER, by=None)
            token = await people.create_token(connection, somebody.id, "test", by=None)
        values |= {"person": str(somebody.id), "token": str(token.id)}
    if "{webhook}" in path:
        async with database.begin() as connection:
            values["webhook"] = str(await hook(connection))
    if "{assignment}" in path:
        await answered(database, run)
        await offered(database, run, 1)
        async with database.begin() as connection:
            (made,) = await assignments.listing(connection, run, None, 1)
        values["assignment"] = str(made.id)
    if "/programs/" in path:
        values["number"] = "0"
    filled = re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], ABSENT), path)
    if path.endswith("/comparison"):
        filled += f"?run={run}"
    if path.endswith("/v1/spend"):
        filled += "?project=1"
    operation = app.openapi()["paths"][path.replace("{path}", "{path:path}") if path not in app.openapi()["paths"] else path]
    content = operation[method.lower()].get("requestBody", {}).get("content", {}).get("application/json", {})
    body = _example(app, content)
    if path == "/api/v1/problems":
        body = {"files": {name: content.decode(errors="replace") for name, content in problem.files.items()}}
    if isinstance(body, dict):
        body = body | {
            name: value for name, value in {"problem": problem.revision, "run": run, "wait_s": 0}.items() if name in body
        }
    return Asked(method, filled.removeprefix("/api/v1"), body)


def _example(app: FastAPI, content: dict[str, Any]) -> Any:
    schema: dict[str, Any] = content.get("schema", {})
    if "$ref" in schema:
        schema = app.openapi()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    examples = schema.get("examples") or content.get("examples") or [None]
    return examples[0]


async def _status(client: httpx.AsyncClient, asked: Asked) -> int:
    response = await client.request(asked.method, asked.path, json=asked.body)
    return response.status_code


@pytest.mark.parametrize(("method", "path", "action"), ROUTES, ids=[f"{method} {path}" for method, path, _ in ROUTES])
async def test_a_role_may_do_what_is_documented(
    http: httpx.AsyncClient, team: Team, app: FastAPI, database: Database, method: str, path: str, action: str
) -> None:
    asked = await _asked(app, database, method, path)
    told(await http.request(method, "/api/v1" + asked.path, json=asked.body), 401)
    if path not in OF_NO_PROJECT or method != "GET":
        assert await _status(team.stranger, asked) in {403, 404}
    for role in Role:
        client: httpx.AsyncClient = getattr(team, role.value)
        if Action(action) not in ALLOWED[role]:
            assert await _status(client, asked) in ({404} if f"/{ABSENT}" in asked.path else {403}), role
        elif not path.endswith(ENDLESS):
            status = await _status(client, await _asked(app, database, method, path))
            assert status not in {401, 403}, role
            assert status < 500, role


@pytest.mark.parametrize(("method", "path"), FOR_ANYBODY, ids=[f"{method} {path}" for method, path in FOR_ANYBODY])
async def test_what_is_for_anybody_needs_a_token_and_no_role(
    http: httpx.AsyncClient, team: Team, app: FastAPI, database: Database, method: str, path: str
) -> None:
    asked = await _asked(app, database, method, path)
    told(await http.request(method, "/api/v1" + asked.path, json=asked.body), 401)
    assert await _status(team.stranger, asked) < 300


@pytest.mark.parametrize(("method", "path"), FOR_INSTALLATION, ids=[f"{method} {path}" for method, path in FOR_INSTALLATION])
async def test_what_is_for_administrators_of_the_installation_is_for_nobody_else(
    http: httpx.AsyncClient, team: Team, app: FastAPI, database: Database, method: str, path: str
) -> None:
    asked = await _asked(app, database, method, path)
    told(await http.request(method, "/api/v1" + asked.path, json=asked.body), 401)
    for client in (team.stranger, team.worker, team.viewer, team.member, team.admin):
        told(await client.request(method, asked.path, json=asked.body), 403)
    assert await _status(team.root, asked) < 300


def test_every_route_says_whom_it_is_for(app: FastAPI) -> None:
    real = {(method.upper(), path) for path, operations in app.openapi()["paths"].items() for method in operations}
    told_of = {(method, path) for method, path, _ in ROUTES} | {*FOR_ANYBODY, *FOR_INSTALLATION, *WITHOUT_TOKEN}
    assert {(method, path.replace(":path", "")) for method, path in real if path.startswith("/api/")} == told_of
