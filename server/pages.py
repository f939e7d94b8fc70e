"""Lists come in pages; a cursor says where the next one begins, and means nothing to who holds it."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import ConfigDict, Field, GetJsonSchemaHandler, TypeAdapter, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from server.problem_details import FieldError, Refusal
from server.schemas.base import Answer

Item = TypeVar("Item")
Place = TypeVar("Place")

LARGEST_PAGE = 200

Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="most items of a page")]
Cursor = Annotated[
    str | None,
    Query(max_length=1000, description="`next` of the page before; give the same filters and the same order again"),
]


class Page(Answer, Generic[Item]):
    """A stretch of a list. `next` is null on the last page."""

    model_config = ConfigDict(frozen=True)

    items: list[Item]
    next: str | None = Field(description="the cursor of the following page")

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """An example of a page holds the example of its items."""
        described = handler.resolve_ref_schema(handler(schema))
        (kind,) = cls.__pydantic_generic_metadata__["args"]
        described["examples"] = [{"items": kind.model_config["json_schema_extra"]["examples"], "next": None}]
        return described


def cursor_of(*place: Any) -> str:
    """The cursor of a page that begins after `place`."""
    text = TypeAdapter(tuple[Any, ...]).dump_json(place)
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def place_of(cursor: str | None, kind: type[Place]) -> Place | None:
    """The place, a tuple of `kind`, after which a page begins; None for the first page.

    Raises:
        Refusal: it is no cursor of this list.
    """
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return TypeAdapter(kind).validate_python(tuple(json.loads(text)))
    except (binascii.Error, ValueError, TypeError, RecursionError, ValidationError):
        said = "expected the `next` of a page of this list; got something else; leave it out to begin anew"
        raise Refusal(400, said, [FieldError(field="query.cursor", message=said)]) from None


def paged(items: list[Item], limit: int, place: Callable[[Item], tuple[object, ...]]) -> tuple[list[Item], str | None]:
    """A page of at most `limit` of the items, one more of which was asked for, and its `next`.

    `place` makes the place of an item, a tuple.
    """
    if len(items) <= limit:
        return items, None
    return items[:limit], cursor_of(*place(items[limit - 1]))
