"""What a controller counts for Prometheus; docs/operations.md says what each means."""

import asyncio
import logging
from collections import Counter as Counted
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from prometheus_client import Counter, Gauge, Histogram

from database import standing
from database.engine import Database
from database.errors import DatabaseUnavailable, WrongDatabaseUrl
from database.gpus import StoredGpu
from evolution.gpu import GpuHealth

EVENTS = Counter("galapagos_events", "Events written to the logs of runs.", ["kind"])
PASS_S = Histogram(
    "galapagos_pass_seconds",
    "Time of one pass over one run, with its commit.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
EXPIRED = Counter("galapagos_leases_expired", "Work taken back from processes that did not renew their lease.", ["queue"])
QUEUE = Gauge("galapagos_queue", "Rows of the queues of unfinished runs.", ["queue", "state"])
RUNS = Gauge("galapagos_runs_unfinished", "Runs that are not finished.")
SPENT = Gauge("galapagos_run_spent_dollars", "Money that a run has spent on models.", ["run"])
RESERVED = Gauge("galapagos_run_reserved_dollars", "Money that is reserved for calls of models under way.", ["run"])
LEFT = Gauge("galapagos_run_budget_left_dollars", "Money that a run may still spend; absent without a limit.", ["run"])
GPUS = Gauge("galapagos_gpus", "GPUs of which evaluators tell.", ["health"])
GPU_TEMPERATURE = Gauge("galapagos_gpu_temperature_celsius", "Temperature of a GPU.", ["gpu"])
GPU_POWER = Gauge("galapagos_gpu_power_watts", "Power that a GPU draws.", ["gpu"])
GPU_MEMORY = Gauge("galapagos_gpu_memory_used_bytes", "Memory of a GPU that is in use.", ["gpu"])
GPU_SPENT = Gauge("galapagos_run_gpu_seconds", "Seconds for which evaluations of a run held GPUs.", ["run"])
GPU_LEFT = Gauge("galapagos_run_gpu_seconds_left", "GPU seconds that a run may still take; absent without a limit.", ["run"])

READ_S = 5.0
DOLLAR = 1_000_000

log = logging.getLogger(__name__)


@asynccontextmanager
async def kept_up_to_date(database: Database) -> AsyncGenerator[None]:
    """Read the gauges from the database every `READ_S` seconds within the block."""
    reading = asyncio.create_task(_read_on(database))
    try:
        yield
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _read_on(database: Database) -> None:
    while True:
        try:
            async with database.begin() as connection:
                _show(await standing.read(connection))
        except (DatabaseUnavailable, WrongDatabaseUrl) as error:
            log.warning("the gauges stay as they were: %s", error)
        await asyncio.sleep(READ_S)


def _show(now: standing.Standing) -> None:
    for gauge in (SPENT, RESERVED, LEFT, GPU_SPENT, GPU_LEFT):
        gauge.clear()
    for (queue, state), rows in now.queues.items():
        QUEUE.labels(queue, state).set(rows)
    RUNS.set(len(now.money))
    for money in now.money:
        run = str(money.run)
        SPENT.labels(run).set(money.spent_micro_dollars / DOLLAR)
        RESERVED.labels(run).set(money.reserved_micro_dollars / DOLLAR)
        if money.left_micro_dollars is not None:
            LEFT.labels(run).set(money.left_micro_dollars / DOLLAR)
        if money.gpu_milliseconds or money.left_gpu_milliseconds is not None:
            GPU_SPENT.labels(run).set(money.gpu_milliseconds / 1000)
        if money.left_gpu_milliseconds is not None:
            GPU_LEFT.labels(run).set(money.left_gpu_milliseconds / 1000)
    _show_gpus(now.gpus)


def _show_gpus(known: Sequence[StoredGpu]) -> None:
    """An installation without GPUs shows none of these."""
    for gauge in (GPUS, GPU_TEMPERATURE, GPU_POWER, GPU_MEMORY):
        gauge.clear()
    if not known:
        return
    healths = Counted(one.state.health for one in known)
    for health in GpuHealth:
        GPUS.labels(health.value).set(healths[health])
    for one in known:
        state, uuid = one.state, one.state.gpu.uuid
        if state.temperature_c is not None:
            GPU_TEMPERATURE.labels(uuid).set(state.temperature_c)
        if state.power_w is not None:
            GPU_POWER.labels(uuid).set(state.power_w)
        if state.memory_used_mib is not None:
            GPU_MEMORY.labels(uuid).set(state.memory_used_mib << 20)
