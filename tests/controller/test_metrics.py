"""What a controller shows to Prometheus of GPUs."""

import asyncio

from prometheus_client import REGISTRY

from controller.metrics import kept_up_to_date
from database import gpus
from database.engine import Database
from evolution.gpu import Gpu, GpuHealth, GpuState
from evolution.run import Budget, RunConfig
from tests.controller.test_gpu_limits import FIRST, begun, judged

HEALTH = "galapagos_gpus"


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def shown(database: Database, name: str, **labels: str) -> float | None:
    async with kept_up_to_date(database):
        for _ in range(200):
            if value(name, **labels) is not None:
                break
            await asyncio.sleep(0.01)
    return value(name, **labels)


async def test_an_installation_without_gpus_shows_none_and_one_with_them_how_they_fare(database: Database) -> None:
    assert await shown(database, "galapagos_runs_unfinished") is not None
    assert value(HEALTH, health="free") is None
    run = await begun(database, RunConfig(in_flight=1, budget=Budget(gpu_milliseconds=FIRST + 9_000)))
    await judged(database, 1.5)
    assert await run.one_pass()
    async with database.begin() as connection:
        device = Gpu("GPU-a", "Toy 100", "570.1", 81559)
        await gpus.tell(connection, "here", [GpuState(device, GpuHealth.FREE, "", 10, 40, 55.5)])
        await gpus.lease(connection, "evaluators 1", ["GPU-a"], 60.0, run=run.id)
    assert await shown(database, HEALTH, health="leased") == 1
    assert (value(HEALTH, health="free"), value(HEALTH, health="lost")) == (0, 0)
    assert value("galapagos_gpu_temperature_celsius", gpu="GPU-a") == 40
    assert value("galapagos_gpu_power_watts", gpu="GPU-a") == 55.5
    assert value("galapagos_gpu_memory_used_bytes", gpu="GPU-a") == 10 << 20
    number = str(run.id)
    assert value("galapagos_run_gpu_seconds", run=number) == 1.5
    # 57 s, less what was held, a child's 4 s, the seed's verification and three more that are kept.
    assert value("galapagos_run_gpu_seconds_left", run=number) == 57 - 1.5 - 4 - 44
