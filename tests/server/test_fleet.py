"""Which processes live, as they say themselves, and what waits for them."""

import asyncio
import os
import signal
import sys
import time
from typing import Any

import pytest
import sqlalchemy as sa

from database import fleet, gpus
from database.engine import Database
from database.fleet import Capacity
from evolution.evaluation import Tier
from evolution.gpu import Gpu, GpuHealth, GpuState, Throttle
from evolution.process import Kind
from tests.database.scene import answered, asked, claimed, claimed_evaluations, machine, new_run
from tests.processes.kit import ROOT
from tests.server.conftest import CountServed, Team

PATIENCE_S = 20.0


async def test_processes_are_there_as_long_as_they_say_so(
    team: Team, database: Database, served_statements: CountServed
) -> None:
    async with database.begin() as connection:
        fingerprint = await machine(connection)
        working = Capacity(slots=8, busy=3, tier=Tier.PLAIN, machine=fingerprint)
        evaluators = await fleet.join(connection, Kind.EVALUATORS, None)
        old, gone, ended = [await fleet.join(connection, Kind.WORKERS, None) for _ in range(3)]
        aged = sa.text("UPDATE process SET heard_at = now() - make_interval(secs => :age) WHERE id = :id")
        await connection.execute(aged, {"age": 21, "id": old})
        await connection.execute(aged, {"age": 3601, "id": gone})
        await fleet.leave(connection, ended)
        assert await fleet.beat(connection, evaluators, working)
        assert not await fleet.beat(connection, gone, None), "it must join anew"
    with served_statements() as statements:
        found = (await team.viewer.get("/fleet")).json()["processes"]
    assert len(statements) == 3
    by_id = {item["id"]: item for item in found}
    judging = by_id[evaluators]
    assert (judging["kind"], judging["state"], judging["slots"], judging["busy_slots"]) == ("evaluators", "alive", 8, 3)
    assert (judging["tier"], judging["machine"]) == ("plain", fingerprint.hex())
    assert judging["host"]
    assert (by_id[old]["state"], by_id[old]["slots"]) == ("lost", None)
    assert not {gone, ended} & by_id.keys()
    assert {item["kind"] for item in found} == {"server", "evaluators", "workers"}
    assert {item["host"] for item in (await team.worker.get("/fleet")).json()["processes"]} == {None}


async def test_queues_are_told_by_run_to_who_may_read_them(team: Team, database: Database) -> None:
    run = await new_run(database)
    await answered(database, run, 1, 2)
    await asked(database, run, 3, 4, 5)
    await claimed(database, limit=1, lease_s=60.0)
    await claimed_evaluations(database, limit=1)
    await new_run(database)
    queues: list[dict[str, Any]] = (await team.viewer.get("/fleet")).json()["queues"]
    first = next(item for item in queues if item["run"] == run)
    assert (first["project"], first["title"]) == (1, "Toy")
    proposals, evaluations = first["proposals"], first["evaluations"]
    assert (proposals["waiting"], proposals["held"]) == (2, 1)
    assert 50 < proposals["lease_left_s"] <= 60
    assert 0 <= proposals["oldest_held_s"] < 30
    assert sum(item["evaluations"]["waiting"] + item["evaluations"]["held"] for item in queues) == 4
    assert (evaluations["waiting"] > 0) == (evaluations["oldest_waiting_s"] is not None)
    assert len(queues) == 2
    assert (await team.stranger.get("/fleet")).json()["queues"] == []


async def test_gpus_are_told_with_who_holds_them_to_who_may_know(team: Team, database: Database) -> None:
    assert (await team.viewer.get("/fleet")).json()["gpus"] == []
    run = await new_run(database)
    device = Gpu("GPU-1", "Toy 100", "570.1", 81559)
    one = GpuState(device, GpuHealth.FREE, "", 10, 40, 55.5, 700.0, 345, 1980, (Throttle.IDLE,))
    other = GpuState(Gpu("GPU-2", "Toy 100", "570.1", 81559), GpuHealth.FREE)
    async with database.begin() as connection:
        await gpus.tell(connection, "here", [one, other])
        await gpus.lease(connection, "evaluators 1", ["GPU-1"], 60.0, run=run)
        aside = await gpus.lease(connection, "evaluators 1", ["GPU-2"], 60.0)
        assert aside is not None
        await gpus.set_aside(connection, aside, GpuHealth.BUSY, "somebody else's process 17 is on it")
    first, second = (await team.viewer.get("/fleet")).json()["gpus"]
    assert 0 <= first.pop("held_s") < 20
    assert first.pop("heard_at")
    assert first == {
        "uuid": "GPU-1", "host": "here", "model": "Toy 100", "driver": "570.1", "memory_mib": 81559, "memory_used_mib": 10,
        "health": "leased", "cause": "", "temperature_c": 40, "power_w": 55.5, "power_limit_w": 700.0, "sm_clock_mhz": 345,
        "sm_clock_max_mhz": 1980, "throttle": ["idle"], "run": run, "project": 1,
    }  # fmt: skip
    assert (second["health"], second["cause"]) == ("busy", "somebody else's process 17 is on it")
    assert (second["run"], second["held_s"], second["power_w"]) == (None, None, None)
    for person, sees in ((team.worker, False), (team.stranger, False), (team.root, True)):
        found = (await person.get("/fleet")).json()["gpus"]
        assert [item["health"] for item in found] == ["leased", "busy"]
        assert {item["host"] for item in found} == ({"here"} if sees else {None})
        assert bool(found[1]["cause"]) == sees
    assert (await team.stranger.get("/fleet")).json()["gpus"][0]["run"] is None


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_who_ends_in_good_order_is_gone_and_who_is_killed_is_missed(
    database: Database, database_url: str, end: signal.Signals
) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("GALAPAGOS_")}
    told = bare | {"GALAPAGOS_DATABASE_URL": database_url}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "controller", cwd=ROOT, env=told)
    found: list[fleet.Process] = []
    deadline = time.monotonic() + PATIENCE_S
    while not found and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
        found = await _processes(database)
    process.send_signal(end)
    await process.wait()
    assert [(item.kind, item.lost) for item in found] == [(Kind.CONTROLLER, False)]
    assert bool(await _processes(database)) == (end == signal.SIGKILL)


async def _processes(database: Database) -> list[fleet.Process]:
    async with database.begin() as connection:
        return await fleet.processes(connection)
