"""Models as they are answered: what they cost and what bounds them, never where they are or by which key."""

from typing import Literal

from pydantic import ConfigDict, Field

from evolution.models import AnyModel
from server.schemas.base import Answer, shown


class ModelLine(Answer):
    """A model that runs may name. Of `people`, who answer in a model's place for no money, all but `patience_s` is null."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "name": "small",
                "kind": "endpoint",
                "price_in": 150_000,
                "price_out": 600_000,
                "max_tokens": 8192,
                "concurrency": 16,
                "most_calls": 64,
                "requests_per_minute": 500,
                "patience_s": None,
            }
        ),
    )

    name: str
    kind: Literal["endpoint", "people"]
    price_in: int | None = Field(default=None, description="micro-dollars for a million tokens; null: no price")
    price_out: int | None = Field(default=None, description="the same for what it writes")
    max_tokens: int | None = Field(default=None, description="bound of one answer")
    concurrency: int | None = Field(default=None, description="calls that one worker has under way")
    most_calls: int | None = Field(default=None, description="calls that all workers have under way; null: no limit")
    requests_per_minute: int | None = Field(default=None, description="calls that all workers begin; null: no limit")
    patience_s: float | None = Field(default=None, description="seconds that people have to answer")

    @staticmethod
    def of(model: AnyModel) -> "ModelLine":
        """What may be told of a configured model."""
        told = model.model_dump(include=set(ModelLine.model_fields))
        return ModelLine.model_validate(told)
