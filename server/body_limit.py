"""No request takes more memory than its body may have."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.problem_details import answer

SMALL = 8 << 20
"""Bytes of any body but that of an upload."""


class BodyLimit:
    """Refuses bodies of more than `largest` bytes at the addresses that end with one of `uploads`, of `SMALL` elsewhere.

    A body that says its length is refused before it is read, any other as soon as it has become too long.
    """

    def __init__(self, app: ASGIApp, largest: int, uploads: tuple[str, ...]) -> None:
        self._app = app
        self._largest = largest
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._largest if scope["path"].endswith(self._uploads) else min(SMALL, self._largest)
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if told.isdigit() and int(told) > limit:
            await answer(413, _too_large(limit), headers={"Connection": "close"})(scope, receive, send)
            return
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > limit:
                # Of this kind, since FastAPI takes any other for a body that cannot be read.
                raise HTTPException(413, _too_large(limit), headers={"Connection": "close"})
            return message

        await self._app(scope, counted, send)


def _too_large(limit: int) -> str:
    return f"expected a body of at most {limit >> 20} MiB; this one is larger; send less"
