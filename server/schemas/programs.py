"""Programs as they are answered. Scores are raw."""

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from evolution.evaluation import EvaluationState, Tier, Verdict
from evolution.gpu import GpuUse
from evolution.proposal import Operator
from server.schemas.base import Answer, shown

LINE = {
    "number": 412,
    "operator": "mutate",
    "model": None,
    "island": 0,
    "parent": 377,
    "generation": 21,
    "length": 1204,
    "literals": 17,
    "verdict": "scored",
    "score": 2.3471,
    "duration_s": 0.021,
    "created_at": "2026-03-01T12:00:31Z",
}


VERIFICATION: dict[str, Any] = {
    "state": "finished",
    "verdict": "scored",
    "score": 2.3469,
    "metrics": {},
    "features": {},
    "stages": [],
    "tier": "namespaces",
    "machine": {"cpu": "AMD EPYC 9554", "cores": 16, "tier": "namespaces", "python": "3.12.4"},
    "twin": None,
    "finished_at": "2026-03-01T12:00:33Z",
    "duration_s": 0.4,
    "host_fault": None,
    "picture": None,
}


class ProgramLine(Answer):
    """A program in a list. `verdict` is null until it is evaluated."""

    model_config = ConfigDict(frozen=True, json_schema_extra=shown(LINE))

    number: int
    operator: Operator
    model: str | None
    island: int
    parent: int | None
    generation: int
    length: int = Field(description="characters of evolvable text")
    literals: int = Field(description="numeric literals in evolvable text")
    verdict: Verdict | None
    score: float | None
    duration_s: float | None
    created_at: datetime


class Stage(Answer):
    """One stage of an evaluation. `samples` holds the score of every repeat and `score` their mean."""

    stage: str
    hidden: bool
    verdict: Verdict
    score: float | None
    metrics: dict[str, float]
    features: dict[str, float]
    samples: list[float]
    duration_s: float
    cpu_s: float
    gpu_s: float = Field(description="seconds for which a GPU was held")
    gpu: GpuUse | None = Field(description="that GPU, before the stage and after it")
    peak_memory_mib: float
    feedback: str
    log_tail: str


class Evaluation(Answer):
    """What the judge said."""

    state: EvaluationState
    verdict: Verdict | None
    score: float | None
    metrics: dict[str, float]
    features: dict[str, float]
    stages: list[Stage]
    tier: Tier = Field(description="how strongly the program was confined")
    machine: dict[str, str | int] | None = Field(description="where it ran: timings compare only where this is the same")
    twin: int | None = Field(description="number of the program that behaves alike, whose result this is")
    finished_at: datetime | None


class Verification(Evaluation):
    """A verification: on fresh seeds, in a fresh sandbox, and on the hidden stages, for who may inspect."""

    model_config = ConfigDict(frozen=True, json_schema_extra=shown({**VERIFICATION, "series": 0}))

    series: int = Field(description="how many the program had before; each has seeds of its own")
    duration_s: float | None

    host_fault: str | None = Field(description="why the machine could not verify it")
    picture: str | None = Field(description="SVG of the judge; it is not to be trusted")


class ProgramDetail(Answer):
    """One program with its source and what became of it."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "number": 412,
                "operator": "mutate",
                "model": None,
                "island": 0,
                "parent": 377,
                "inspirations": [],
                "generation": 21,
                "length": 33,
                "literals": 1,
                "files": {"program.py": "# EVOLVE-BLOCK-START\ndef answer():\n    return 3.2\n# EVOLVE-BLOCK-END\n"},
                "evaluation": {
                    "state": "finished",
                    "verdict": "scored",
                    "score": 2.3471,
                    "metrics": {},
                    "features": {},
                    "stages": [],
                    "tier": "namespaces",
                    "machine": {"cpu": "AMD EPYC 9554", "cores": 16},
                    "twin": None,
                    "finished_at": "2026-03-01T12:00:31Z",
                },
                "duration_s": 0.021,
                "verification": None,
                "banned": False,
                "pinned": None,
            }
        ),
    )

    number: int
    operator: Operator
    model: str | None
    island: int
    parent: int | None
    inspirations: list[int]
    generation: int
    length: int
    literals: int
    files: dict[str, str]
    evaluation: Evaluation | None
    duration_s: float | None
    verification: Verification | None
    banned: bool = Field(description="it is never chosen again")
    pinned: float | None = Field(description="the share of the children whose parent it is; null if it is not pinned")


class ModelCall(Answer):
    """One call to a model: `answer` is null where it failed, money null while it is under way."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "model": "small",
                "template": "diff/3",
                "prompt": "[...]",
                "answer": "<<<<<<< SEARCH ...",
                "failure": None,
                "finish_reason": "stop",
                "tokens_in": 3100,
                "tokens_out": 420,
                "cost_micro_dollars": 718,
                "latency_s": 4.2,
            }
        ),
    )

    model: str
    template: str
    prompt: str
    answer: str | None
    failure: str | None
    finish_reason: str | None
    tokens_in: int | None
    tokens_out: int | None
    cost_micro_dollars: int | None
    latency_s: float | None


class ProgramDiff(Answer):
    """What changed from program `before` to program `after`: a unified diff, empty if nothing did."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "before": 377,
                "after": 412,
                "diff": "--- a/program.py\n+++ b/program.py\n@@ -3 +3 @@\n-    return 3.1\n+    return 3.2\n",
            }
        ),
    )

    before: int
    after: int
    diff: str
