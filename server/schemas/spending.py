"""What was spent, as it is answered."""

from pydantic import ConfigDict, Field

from evolution.limits import Group
from server.schemas.base import Answer, shown


class Limits(Answer):
    """What may be spent in all, whenever; null is no limit."""

    micro_dollars: int | None
    tokens: int | None
    evaluations: int | None
    gpu_milliseconds: int | None


class Spent(Answer):
    """What one project, person, run or model took. A call that failed may have cost something."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "by": "project",
                "id": 1,
                "name": "default",
                "project": 1,
                "micro_dollars": 71_800,
                "tokens_in": 310_000,
                "tokens_out": 42_000,
                "calls": 100,
                "failed": 1,
                "evaluations": 812,
                "gpu_milliseconds": 0,
                "limits": {"micro_dollars": 200_000_000, "tokens": None, "evaluations": None, "gpu_milliseconds": None},
            }
        ),
    )

    by: Group
    id: int | None = Field(description="null for a model, and for what was started from the command line")
    name: str = Field(description="of the project, person or model, or the title of the run's problem")
    project: int | None = Field(description="null for people and models")
    micro_dollars: int
    tokens_in: int
    tokens_out: int
    calls: int
    failed: int
    evaluations: int | None = Field(description="without seed programs and verifications; null for a model")
    gpu_milliseconds: int | None = Field(description="for how long evaluations held GPUs, all of them; null for a model")
    limits: Limits | None = Field(description="null for models, and for people but yourself unless you administer the service")
