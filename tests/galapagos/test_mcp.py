"""Agents that work by tools of the Model Context Protocol, through the client of its own library."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters

from database import commands, proposals
from database.engine import Database
from database.proposals import NewRefusal
from evolution.commands import Annotate
from evolution.proposal import Refusal
from tests.database.scene import answered, claimed, finished, new_run
from tests.processes.kit import ROOT
from tests.processes.test_agents import worker_token
from tests.server.test_process import free_port, serving
from tests.server.test_work import offered

COMMAND = ["-m", "galapagos", "remote", "mcp"]
TOOLS = {
    "lease_work", "extend_lease", "answer_assignment", "release_assignment", "read_assignment", "read_run", "read_log",
    "read_archive", "read_program", "read_notes",
}  # fmt: skip


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


async def works(client: Client, database: Database, run: int) -> None:
    """Every verb, and a refusal."""
    assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
    first = (await call(client, "lease_work", run=run, wait_s=0, lease_s=10))["assignment"]
    assert first["messages"] == [{"role": "user", "content": "make x large"}]
    held = {"assignment": first["id"], "lease": first["lease"]}
    assert (await call(client, "extend_lease", **held, lease_s=40))["lease_until"] > first["lease_until"]
    assert (await call(client, "answer_assignment", **held, text="x = 2"))["state"] == "answered"
    late = await client.call_tool("release_assignment", held)
    assert late.is_error
    assert "answered already" in json.dumps([item.model_dump(mode="json") for item in late.content])
    (item,) = await claimed(database)
    async with database.begin() as connection:
        await proposals.refuse(connection, [NewRefusal(item.lease, Refusal.DID_NOT_APPLY, "it holds no block")])
    assert (await call(client, "read_assignment", assignment=first["id"]))["detail"] == "it holds no block"
    second = (await call(client, "lease_work"))["assignment"]
    assert [old["detail"] for old in second["earlier"]] == ["it holds no block"]
    assert (await call(client, "lease_work", wait_s=0))["assignment"] is None
    await call(client, "release_assignment", assignment=second["id"], lease=second["lease"])
    assert (await call(client, "read_run", run=run))["id"] == run
    assert (await call(client, "read_log", run=run))["items"] == []
    assert (await call(client, "read_archive", run=run))["items"] == []
    assert "x = 1" in json.dumps(await call(client, "read_program", run=run, number=0))
    (note,) = (await call(client, "read_notes", run=run))["items"]
    assert (note["kind"], note["command"]["text"]) == ("annotate", "look at the sign")


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_an_agent_works_by_tools(database_url: str, database: Database, transport: str) -> None:
    run = await new_run(database)
    await answered(database, run)
    await finished(database, {})
    await offered(database, run, 1, 2)
    async with database.begin() as connection:
        await commands.ask(connection, run, Annotate(text="look at the sign"))
    token = await worker_token(database, "ada")
    with serving(database_url) as (_, address):
        told = {**os.environ, "GALAPAGOS_URL": address, "GALAPAGOS_TOKEN": token}
        if transport == "stdio":
            async with Client(StdioServerParameters(command=sys.executable, args=COMMAND, env=told, cwd=ROOT)) as client:
                await works(client, database, run)
            return
        with _tools_over_http(told) as url:
            async with Client(url) as client:
                await works(client, database, run)


@contextmanager
def _tools_over_http(told: dict[str, str]) -> Generator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, *COMMAND, "--port", str(port)], env=told, cwd=ROOT)
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None
        try:
            httpx.get(f"http://127.0.0.1:{port}/")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the tools are not served within 15 s")
