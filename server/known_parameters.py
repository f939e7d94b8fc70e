"""A parameter that nothing reads is an error, as a misspelt setting is."""

import difflib
from typing import Any

from fastapi import FastAPI, Request

from server.problem_details import FieldError, Refusal


async def only_known_parameters(request: Request) -> None:
    """Let a request pass whose address has no parameter but those that its route describes.

    Raises:
        Refusal: it has another one.
    """
    known = _known(request.app).get(request.scope["endpoint"].__name__, frozenset())
    unknown = sorted(set(request.query_params) - known)
    if not unknown:
        return
    errors = [FieldError(field=f"query.{name}"[:200], message=_hint(name, sorted(known))) for name in unknown]
    raise Refusal(400, "; ".join(f"{error.field}: {error.message}" for error in errors)[:2000], errors)


def _hint(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"a parameter that nothing reads; did you mean {near[0]}?"
    return f"a parameter that nothing reads; known are {', '.join(known) or 'none'}; leave it out"


def _known(app: FastAPI) -> dict[str, frozenset[str]]:
    if not hasattr(app.state, "known_parameters"):
        paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
        app.state.known_parameters = {
            operation["operationId"]: frozenset(
                parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"
            )
            for operations in paths.values()
            for operation in operations.values()
        }
    return app.state.known_parameters
