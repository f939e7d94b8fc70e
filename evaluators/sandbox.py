"""The sandbox: what every tier of confinement offers to the evaluator pool.

A `Sandbox` is one slot bound to one problem revision: a box that runs candidates and a box that runs the problem's
judge, each with a warm zygote from which one process is forked per evaluation. One job runs in a slot at a time.

    sandbox = open_sandbox(Tier.NAMESPACES, problem, Packages())
    await sandbox.start()
    try:
        result = await sandbox.run(job)
    finally:
        await sandbox.close()
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from evaluators.gpu_access import GpuAccess
from evolution.evaluation import Purpose, Tier
from evolution.problem import Limits, Problem


class SandboxUnavailable(RuntimeError):
    """A sandbox could not be started: the machine's fault, never a candidate's. The text says what to do."""


class Cause(StrEnum):
    """How a job ended, and by whose doing.

    `OK` carries a value. `REJECTED` is the judge's own word against the result. `LOAD_ERROR` to `PROTOCOL` are the
    candidate's doing: its source does not load (or compile), a call raised, took too long, took too much memory, its
    process ended, it tried what is forbidden, or what it sent was not a reply. `INVALID_OUTPUT` means that it
    returned something that cannot travel as plain data. `JUDGE_ERROR` (the judge raised, hung by itself, or returned
    nonsense) and `HOST_FAULT` (box, zygote or machine failed) never count against the candidate.
    """

    OK = "ok"
    REJECTED = "rejected"
    LOAD_ERROR = "load_error"
    CALL_ERROR = "call_error"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    DIED = "died"
    FORBIDDEN = "forbidden"
    PROTOCOL = "protocol"
    INVALID_OUTPUT = "invalid_output"
    JUDGE_ERROR = "judge_error"
    HOST_FAULT = "host_fault"


@dataclass(frozen=True, slots=True)
class Packages:
    """Read-only folders of extra importable packages, one for each box; None adds nothing to Python and numpy.

    They are searched before numpy's own place and must be readable for every user: boxes are nobody's.
    """

    candidate: Path | None = None
    judge: Path | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One repeat of one stage for one candidate.

    `files` maps each evolvable path to its text; the first path of the problem's `seed` holds the functions that the
    judge calls. `entry` is the judge's function; `picture`, where given, the one that draws the candidate after a
    successful evaluation. `seed` is the 32 bytes from which the judge's `context.rng` is made (HMAC of the run's
    secret over revision, purpose, stage and repeat); it never reaches the candidate's box. `timeout_s` bounds the wall
    time of the whole job, compilation included.
    """

    files: Mapping[str, str]
    entry: str
    purpose: Purpose
    stage: str
    repeat: int
    seed: bytes
    timeout_s: float
    limits: Limits
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What the judge returned, validated again outside its box: finite numbers, bounded sizes, printable text.

    `score` is raw (in the problem's own unit and direction). `feedback` is all that a language model may read;
    `picture` is SVG text, to be shown through an image element only. Programs with one `fingerprint` behave alike; it is
    empty where the judge gives none.
    """

    score: float
    metrics: dict[str, float]
    features: dict[str, float]
    feedback: str
    picture: str | None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class JobResult:
    """The end of a job. `value` is there if, and only if, `cause` is `OK`.

    `message` says in at most 4 kB what happened (for a candidate's failure: the tail of its traceback), `feedback` of
    a rejection included. `duration_s` is wall time; `cpu_s` and `peak_memory_mib` belong to the candidate's processes
    and are measured from outside. `log_tail` is the last 4 kB of the candidate's output, or the judge's own
    log where the judge failed.
    """

    cause: Cause
    value: Judged | None
    message: str
    duration_s: float
    cpu_s: float
    peak_memory_mib: float
    log_tail: str

    def __post_init__(self) -> None:
        if (self.cause is Cause.OK) != (self.value is not None):
            raise ValueError(f"a value goes with the cause ok and with no other: got {self.cause} and {self.value}")


class Sandbox(Protocol):
    """One slot, bound to one problem revision."""

    @property
    def tier(self) -> Tier:
        """How strongly candidates are confined here."""
        ...

    async def start(self) -> None:
        """Start both boxes and wait until their zygotes are warm.

        Raises:
            SandboxUnavailable: a box does not start on this machine; the text says why and what to do.
        """
        ...

    async def run(self, job: Job) -> JobResult:
        """Judge one candidate in fresh processes. At return none is left that was not killed; it reaches no later one.

        Never raises for anything that a candidate, a judge or a box does: a lost box is started again by the next
        job and reported as `HOST_FAULT` for this one. Cancelling it kills the candidate and the judge.
        """
        ...

    async def close(self) -> None:
        """End both boxes with every process in them. Safe to call twice, and after a failed start."""
        ...


def open_sandbox(
    tier: Tier, problem: Problem, packages: Packages, slot_folder: Path | None = None, gpu: GpuAccess | None = None
) -> Sandbox:
    """Make the slot of `tier` for `problem`; nothing runs before `start`.

    `slot_folder` is shared with the slots service, which tier container needs. The candidate's box can use `gpu` and no other.

    Raises:
        SandboxUnavailable: tier container without it.
    """
    from evaluators.local_sandbox import LocalSandbox

    if tier is Tier.CONTAINER:
        from evaluators.container_sandbox import ContainerSandbox

        if slot_folder is None:
            raise SandboxUnavailable(
                "expected GALAPAGOS_SLOT_FOLDER, the folder shared with the slots service, for tier container; it is not set"
            )
        return ContainerSandbox(problem, packages, slot_folder, gpu)

    return LocalSandbox(tier, problem, packages, gpu)
