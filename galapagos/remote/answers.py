"""How commands of a terminal ask a service, and print what it answers."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from evaluators.judgement import clean
from galapagos.failures import ExitCode, Failure
from galapagos.remote.failures import ServiceError, ServiceUnavailable

if TYPE_CHECKING:
    # Imported where it is used: all other commands would pay for it with memory.
    from galapagos.remote.client import AsyncClient

Found = TypeVar("Found")


def with_client(work: "Callable[[AsyncClient], Awaitable[Found]]") -> Found:
    """What `work` comes to with the service that the settings name.

    Raises:
        Failure: the service refuses, or cannot be reached.
    """
    from galapagos.remote.client import AsyncClient

    async def whole() -> Found:
        async with AsyncClient() as client:
            return await work(client)

    try:
        return asyncio.run(whole())
    except ServiceError as error:
        code = ExitCode.MACHINE if error.status >= 500 else ExitCode.BAD_INPUT
        raise Failure(str(error), code) from None
    except ServiceUnavailable as error:
        raise Failure(str(error), ExitCode.MACHINE) from None


def say(text: str) -> None:
    """Print a line."""
    # Programs and reasons are written by models and candidates: a terminal must not obey them.
    sys.stdout.write((clean(text, len(text)) if sys.stdout.isatty() else text) + "\n")


def print_json(answer: dict[str, Any]) -> None:
    """Print one JSON object."""
    say(json.dumps(answer, ensure_ascii=False))
