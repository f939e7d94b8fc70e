"""What all bodies and answers have in common."""

from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from database.encoding import storable

LARGEST_ID = (1 << 63) - 1
LARGEST_NUMBER = (1 << 31) - 1

Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Number = Annotated[int, Field(ge=0, le=LARGEST_NUMBER, description="number of a program within its run; the seed has 0")]


class Body(BaseModel):
    """What a client sends: an unknown field is an error, and so is a text that Postgres cannot store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, given: Any) -> Any:
        if (place := _unstorable(given)) is not None:
            raise ValueError(f"expected text without NUL characters and lone surrogates; {place} has one; remove it")
        return given


class Answer(BaseModel):
    """What the service answers."""

    model_config = ConfigDict(frozen=True)


def shown(value: dict[str, Any]) -> dict[str, Any]:
    """What a model's description says of it beside its fields: one example."""
    return {"examples": [value]}


def _unstorable(value: Any, place: str = "the body") -> str | None:
    if isinstance(value, str):
        return None if storable(value) == value else place
    if isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value).items()
        return next((found for key, item in pairs for part in (key, item) if (found := _unstorable(part, str(key)))), None)
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return next((found for item in items if (found := _unstorable(item, place))), None)
    return None
