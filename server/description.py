"""The OpenAPI description: complete, with every failure, under names that stay."""

from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from server.problem_details import MEDIA_TYPE, ProblemDetails, problems
from server.schemas.problems import ProblemUpload

OTHERS: tuple[type[BaseModel], ...] = (ProblemDetails, ProblemUpload)
"""What routes answer or read without FastAPI knowing of it."""
EVERYWHERE = (400, 405, 413, 500, 503)
TAGS = [
    {"name": "service", "description": "Whether the service is there and can work."},
    {"name": "people", "description": "Who asks, who there is, and who may do what."},
    {"name": "problems", "description": "Seed programs with their judges, kept under the hash of their content."},
    {"name": "runs", "description": "Searches for better programs: made, watched, steered."},
    {"name": "programs", "description": "The candidates of a run, their sources and what became of them."},
    {"name": "events", "description": "What happened in a run, in order: in pages, and live."},
    {"name": "work", "description": "What people and agents are asked in a model's place, and answer."},
    {"name": "results", "description": "Archives, records, tallies, spending, comparisons and exports."},
]
_RETRY_AFTER = {"description": "seconds after which to ask again", "schema": {"type": "integer", "minimum": 1}}
ABOUT = """Galapagos evolves programs: submit a problem, watch its runs, steer them, take the results.

Every failure is problem+json (RFC 9457) with the fields at fault. Scores are in the problem's own direction and unit. Times
are RFC 3339 in UTC. Lists are pages `{items, next}`: give `next` as `cursor` to get the following page; null is the end.
"""


def operation_id(route: APIRoute) -> str:
    """The name of an operation: that of the function that serves it."""
    return route.name


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of all routes, made once."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes, tags=TAGS)
        schemas = found.setdefault("components", {}).setdefault("schemas", {})
        for model in OTHERS:
            own = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(own.pop("$defs", {}))
            schemas[model.__name__] = own
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        for schema in schemas.values():
            if "examples" in schema:
                schema["examples"] = [_with_nulls(example, schema, schemas) for example in schema["examples"]]
        for path, operations in found["paths"].items():
            for operation in operations.values():
                _complete(operation, limited=path.startswith("/api/"))
                _exemplify(operation, schemas)
        app.openapi_schema = found
    return app.openapi_schema


def _with_nulls(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """An example with the nulls that FastAPI leaves out of it: they stand where something is required and not there."""
    schema = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
    if value is not None and "anyOf" in schema:
        schema = next(one for one in schema["anyOf"] if one.get("type") != "null")
        return _with_nulls(value, schema, schemas)
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return [_with_nulls(item, schema.get("items", {}), schemas) for item in items]
    if "properties" in schema:
        given: dict[str, Any] = dict.fromkeys(schema.get("required", ())) | cast("dict[str, Any]", value)
        return {name: _with_nulls(item, schema["properties"].get(name, {}), schemas) for name, item in given.items()}
    return cast("Any", value)


def _exemplify(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """A plain list of things has the example of such a thing in it."""
    for answer in operation["responses"].values():
        for content in answer.get("content", {}).values():
            schema: dict[str, Any] = content.get("schema", {})
            name = schema.get("items", {}).get("$ref", "").rpartition("/")[2]
            if "examples" in schemas.get(name, {}):
                content["example"] = schemas[name]["examples"][:1]


def _complete(operation: dict[str, Any], *, limited: bool) -> None:
    answers = operation["responses"]
    # FastAPI promises its own form of a 422, which is not the one of this service.
    if MEDIA_TYPE not in answers.get("422", {}).get("content", ()):
        answers.pop("422", None)
    everywhere = (*EVERYWHERE, 422) if "requestBody" in operation else EVERYWHERE
    for status, about in problems(*everywhere).items():
        answers.setdefault(str(status), about)
    if limited:
        answers["429"] = problems(429)[429] | {"headers": {"Retry-After": _RETRY_AFTER}}
    operation["responses"] = dict(sorted(answers.items()))
