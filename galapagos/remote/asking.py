"""How the client asks: a typed answer, or a list that comes in pages."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from galapagos.remote.connection import Connection

Answer = TypeVar("Answer", bound=BaseModel)
PAGE = 200


class Asking:
    """What all parts of the client have in common: the connection to the service."""

    connection: Connection

    async def _ask(self, kind: type[Answer], method: str, path: str, **more: Any) -> Answer:
        return kind.model_validate(await self.connection.ask(method, path, **more))

    async def _pages(
        self, kind: type[Answer], path: str, parameters: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[Answer]:
        cursor: str | None = None
        while True:
            given = {**(parameters or {}), "limit": PAGE, "cursor": cursor}
            page = await self.connection.ask("GET", path, parameters=given)
            for item in page["items"]:
                yield kind.model_validate(item)
            cursor = page["next"]
            if cursor is None:
                return
