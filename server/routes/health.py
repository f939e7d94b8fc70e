"""Whether the service is there, and whether it can work."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from database.health import schema_complaint
from server.problem_details import Refusal, problems
from server.service import Served

router = APIRouter(tags=["service"])


class Health(BaseModel):
    """That the service is there."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: str = "ok"


@router.get("/healthz", summary="Whether the process is there")
async def is_alive() -> Health:
    """Answers as long as the process serves anything. It asks no database: a restart would not bring one back."""
    return Health()


@router.get("/readyz", summary="Whether requests can be served", responses=problems(503))
async def is_ready(service: Served) -> Health:
    """Answers if the database does, and has the schema of this version."""
    async with service.database.begin() as connection:
        complaint = await schema_complaint(connection)
    if complaint is not None:
        raise Refusal(503, complaint, headers={"Retry-After": "5"})
    return Health()
