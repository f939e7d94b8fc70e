"""What the description of the service says of every operation."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from database.parquet import SCHEMA
from server.app import create_app
from server.routes.exports import ROW
from server.settings import ServerSettings

BINARY = ("octet-stream", "gzip", "zip", "x-tar", "x-zip-compressed", "parquet")
DESCRIPTION = create_app(ServerSettings(database_url="postgresql://nobody@/nowhere?host=/tmp")).openapi()
SCHEMAS: dict[str, Any] = DESCRIPTION["components"]["schemas"]
OPERATIONS = [
    pytest.param(operation, id=operation["operationId"])
    for operations in DESCRIPTION["paths"].values()
    for operation in operations.values()
]


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from operation.get("requestBody", {}).get("content", {}).items()
    for answer in operation["responses"].values():
        yield from answer.get("content", {}).items()


def has_example(content: dict[str, Any]) -> bool:
    schema = content["schema"]
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    return "example" in content or bool(schema.get("examples"))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_body_and_every_answer_has_an_example(operation: dict[str, Any]) -> None:
    told = [kind for kind, content in contents(operation) if not kind.endswith(BINARY) and not has_example(content)]
    assert told == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_says_what_it_is_for(operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["tags"]
    assert all(answer["description"] for answer in operation["responses"].values())


@pytest.mark.parametrize("name", SCHEMAS)
def test_examples_are_what_their_schemas_say(name: str) -> None:
    """So a client that is made from the description takes what its examples show."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": DESCRIPTION["components"]}
    for example in SCHEMAS[name].get("examples", []):
        assert [error.message for error in Draft202012Validator(schema).iter_errors(example)] == []


def test_names_of_operations_are_unique() -> None:
    names = [operation.values[0]["operationId"] for operation in OPERATIONS]
    assert len(names) == len(set(names))


def test_the_example_of_an_export_has_its_columns() -> None:
    assert list(ROW) == SCHEMA.names
