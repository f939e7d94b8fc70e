"""What methods that wait have in common: a thread of its own with an event loop, in which the client works."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import ExitStack
from functools import partial
from typing import Any, ParamSpec, TypeVar

from anyio.from_thread import start_blocking_portal

from galapagos.remote.client import AsyncClient

Given = ParamSpec("Given")
Found = TypeVar("Found")


class Waiting:
    """The client `_client` in its thread; `close` ends both."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._stack = ExitStack()
        self._portal = self._stack.enter_context(start_blocking_portal())

    def close(self) -> None:
        """End all connections."""
        self._portal.call(self._client.connection.close)
        self._stack.close()

    def _wait(self, method: Callable[Given, Coroutine[Any, Any, Found]], *args: Given.args, **named: Given.kwargs) -> Found:
        return self._portal.call(partial(method, *args, **named))

    def _each(self, items: AsyncGenerator[Found]) -> Generator[Found]:
        async def following() -> tuple[Found, ...]:
            async for item in items:
                return (item,)
            return ()

        try:
            while found := self._portal.call(following):
                yield found[0]
        finally:
            self._portal.call(items.aclose)
