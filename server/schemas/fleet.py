"""Processes, GPUs and queues as they are answered."""

from datetime import datetime
from enum import StrEnum

from pydantic import ConfigDict, Field

from evolution.evaluation import Tier
from evolution.gpu import GpuHealth, Throttle
from evolution.process import Kind
from server.schemas.base import Answer, shown


class Life(StrEnum):
    """Whether a process says that it lives: `lost` has not said so for 20 s."""

    ALIVE = "alive"
    LOST = "lost"


class Process(Answer):
    """A process of the installation. Slots, tier and machine are those of evaluators at work; null for all others."""

    id: int = Field(description="of this process: another one has another, on the same host too")
    kind: Kind
    state: Life
    host: str | None = Field(description="null for who may inspect no project")
    version: str
    started_at: datetime
    heard_at: datetime = Field(description="its last sign of life")
    slots: int | None
    busy_slots: int | None = Field(description="those that were judging at the last sign of life")
    tier: Tier | None
    machine: str | None = Field(description="fingerprint of the machine, which stands with each score that was made on it")


class Waiting(Answer):
    """A queue of one run. Ages are in seconds since the oldest of them was asked for."""

    waiting: int
    oldest_waiting_s: float | None
    held: int = Field(description="under the lease of a process, or of a person")
    oldest_held_s: float | None
    lease_left_s: float | None = Field(description="until the first lease ends if nobody extends it; below zero: it has ended")


class RunQueues(Answer):
    """What waits for one run, and what is being worked on."""

    run: int
    project: int
    title: str
    proposals: Waiting
    evaluations: Waiting


class FleetGpu(Answer):
    """A GPU of an evaluator, as it was last told of. Null is what its driver does not tell."""

    uuid: str = Field(description="as its driver calls it")
    host: str | None = Field(description="null for who may inspect no project")
    model: str
    driver: str = Field(description="the driver's version")
    memory_mib: int
    memory_used_mib: int | None
    health: GpuHealth = Field(
        description="`busy`: a process that is none of ours has it, or one that is not gone; `lost`: its driver, or its "
        "evaluator, does not answer for it"
    )
    cause: str = Field(description="why it is busy or lost, in words")
    temperature_c: int | None
    power_w: float | None
    power_limit_w: float | None
    sm_clock_mhz: int | None
    sm_clock_max_mhz: int | None
    throttle: list[Throttle] = Field(description="why its clocks are lower than they could be")
    run: int | None = Field(description="for whose evaluation it is held; null for runs of projects that are not yours")
    project: int | None
    held_s: float | None = Field(description="for so many seconds by now")
    heard_at: datetime


NOTHING = Waiting(waiting=0, oldest_waiting_s=None, held=0, oldest_held_s=None, lease_left_s=None)


class Fleet(Answer):
    """The processes and GPUs of the installation, and the queues of your projects' runs that have something in them."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "processes": [
                    {
                        "id": 12,
                        "kind": "evaluators",
                        "state": "alive",
                        "host": "gpu-1",
                        "version": "0.1.0",
                        "started_at": "2026-03-01T12:00:00Z",
                        "heard_at": "2026-03-01T13:10:05Z",
                        "slots": 8,
                        "busy_slots": 7,
                        "tier": "namespaces",
                        "machine": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    }
                ],
                "gpus": [
                    {
                        "uuid": "GPU-5f0c0cf1-d6aa-42a4-8f0e-2f7f9e9c6c8f",
                        "host": "gpu-1",
                        "model": "NVIDIA H100 80GB HBM3",
                        "driver": "570.86.15",
                        "memory_mib": 81559,
                        "memory_used_mib": 1204,
                        "health": "leased",
                        "cause": "",
                        "temperature_c": 54,
                        "power_w": 412.5,
                        "power_limit_w": 700.0,
                        "sm_clock_mhz": 1905,
                        "sm_clock_max_mhz": 1980,
                        "throttle": ["power_cap"],
                        "run": 7,
                        "project": 1,
                        "held_s": 2.1,
                        "heard_at": "2026-03-01T13:10:05Z",
                    }
                ],
                "queues": [
                    {
                        "run": 7,
                        "project": 1,
                        "title": "26 circles in the unit square",
                        "proposals": NOTHING.model_dump(),
                        "evaluations": {
                            "waiting": 4,
                            "oldest_waiting_s": 0.8,
                            "held": 7,
                            "oldest_held_s": 2.1,
                            "lease_left_s": 28.4,
                        },
                    }
                ],
            }
        ),
    )

    processes: list[Process]
    gpus: list[FleetGpu] = Field(description="those of which an evaluator told within the hour, by host")
    queues: list[RunQueues]
