"""An outside agent answers the proposals of a run whose processes are real ones."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from database import people, projects
from database.engine import Database
from database.runs import DEFAULT_PROJECT
from evolution.people import Role
from tests.processes.kit import ROOT, TWENTY, command
from tests.processes.test_models import good
from tests.server.test_process import serving

MODELS = '[[models]]\nname = "team"\nkind = "people"\n'
EXAMPLE = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "agents.md").read_text(), re.DOTALL | re.MULTILINE)


async def worker_token(database: Database, name: str) -> str:
    async with database.begin() as connection:
        person = await people.create_person(connection, name, by=None)
        await projects.set_member(connection, DEFAULT_PROJECT, person.id, Role.WORKER, by=None)
        return (await people.create_token(connection, person.id, "agent", by=None)).text


@contextmanager
def running(folder: Path, url: str, *options: str) -> Generator[subprocess.Popen[str]]:
    """A run that asks nobody but people: controller, workers, evaluators."""
    (folder / "models.toml").write_text(MODELS)
    settings = {"GALAPAGOS_MODELS": str(folder / "models.toml"), "GALAPAGOS_DATABASE_URL": url}
    asked = [
        "run",
        TWENTY,
        "--plain",
        "--model",
        "team",
        "--no-mutate",
        "--no-tune",
        "--in-flight",
        "3",
        "--seed",
        "1",
        *options,
    ]
    process = subprocess.Popen(
        command(*asked, data=folder / "data"), cwd=ROOT, env=os.environ | settings, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)


@contextmanager
def agent(address: str, token: str) -> Generator[subprocess.Popen[str]]:
    """The agent of the documentation."""
    (text,) = EXAMPLE
    told = {"GALAPAGOS_URL": address, "GALAPAGOS_TOKEN": token}
    process = subprocess.Popen([sys.executable, "-c", text], env=os.environ | told, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def client(address: str, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{address}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60)


async def became(service: httpx.AsyncClient, assignment: int) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            told = (await service.get(f"/work/{assignment}")).json()
            if told["refusal"] or told["verdict"]:
                return told
            await asyncio.sleep(0.1)


async def test_agents_answer_a_run_over_http(open_folder: Path, database_url: str, database: Database) -> None:
    ada, bob = await worker_token(database, "ada"), await worker_token(database, "bob")
    with serving(database_url) as (_, address), running(open_folder, database_url, "--evaluations", "12") as run:
        async with client(address, ada) as first, client(address, bob) as second:
            # Two never get the same one.
            responses = await asyncio.gather(*(who.post("/work/lease", json={"wait_s": 30}) for who in (first, second)))
            one, other = (response.json() for response in responses)
            late = (await second.post("/work/lease", json={"wait_s": 30, "lease_s": 5})).json()
            over = asyncio.create_task(asyncio.sleep(5.1))
            assert len({one["id"], other["id"], late["id"]}) == 3
            assert "Return twenty numbers" in one["messages"][-1]["content"]
            broken = "<<<<<<< SEARCH\n    nothing like it\n=======\n    return []\n>>>>>>> REPLACE"
            for who, work, text in ((first, one, broken), (second, other, good(7))):
                answer = {"lease": work["lease"], "text": text}
                assert (await who.post(f"/work/{work['id']}/answer", json=answer)).status_code == 200
            refused, judged = await became(first, one["id"]), await became(second, other["id"])
            assert refused["refusal"] == "did_not_apply"
            assert "nothing like it" in refused["detail"]
            assert (judged["verdict"], judged["proposal_state"]) == ("scored", "answered")
            # The next lease tells who broke a diff why it was refused.
            following = (await first.post("/work/lease", json={"wait_s": 30})).json()
            assert [item["detail"] for item in following["earlier"]] == [refused["detail"]]
            given_back = await first.post(f"/work/{following['id']}/release", json={"lease": following["lease"]})
            assert given_back.status_code == 204
            await over
            answer = {"lease": late["lease"], "text": good(8)}
            assert (await second.post(f"/work/{late['id']}/answer", json=answer)).status_code == 409
        with agent(address, bob):
            out, told = run.communicate(timeout=120)
    assert run.returncode == 0, told
    assert '"evaluations": 12' in out
    async with database.begin() as connection:
        answered = sa.text("SELECT count(*) FROM completion WHERE answer IS NOT NULL AND model = 'team'")
        made = (await connection.execute(answered)).scalar_one()
        counted = sa.text("SELECT count(*) FROM program WHERE number > 0")
        assert made > (await connection.execute(counted)).scalar_one() == 11
        states = await connection.execute(sa.text("SELECT DISTINCT CAST(state AS text) FROM assignment"))
        assert set(states.scalars()) <= {"answered", "withdrawn"}
