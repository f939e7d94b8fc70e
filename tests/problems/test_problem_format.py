"""docs/problem-format.md names every key of problem.toml with its default, and no other."""

import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from evolution.problem import Definition, Problem
from galapagos.problem_folder import read_problem_folder
from tests.problems.judged import PROBLEMS, ROOT

TEXT = (ROOT / "docs" / "problem-format.md").read_text()
FOLDERS = sorted(path.parent for path in PROBLEMS.glob("*/problem.toml"))


def documented() -> dict[str, set[str]]:
    """Keys in the first column of each table of the part on problem.toml, by the table's heading ("" for the top)."""
    keys: dict[str, set[str]] = {}
    part = TEXT.split("## The keys of problem.toml")[1]
    heading = ""
    for line in part.splitlines():
        if line.startswith("### "):
            heading = re.findall(r"\[+(\w+)\]+", line)[0]
        elif line.startswith("A gate"):
            heading = "gates"
        elif line.startswith("| `"):
            keys.setdefault(heading, set()).update(re.findall(r"`(\w+)`", line.split("|")[1]))
    return keys


def tables(model: type[BaseModel], name: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every table that a definition may hold, with its keys."""
    yield name, set(model.model_fields)
    for key, field in model.model_fields.items():
        for part in parts(field.annotation):
            yield from tables(part, key)


def parts(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from parts(inner)


def test_every_key_is_documented_and_no_other() -> None:
    assert documented() == dict(tables(Definition))


def test_defaults_are_documented() -> None:
    for model, heading in ((model, heading) for heading, model in models().items()):
        for key, field in model.model_fields.items():
            row = next(row for row in rows(heading) if f"`{key}`" in row[0])
            if isinstance(field.default, int | float | str) and field.default not in {"", True, False}:
                assert str(field.default).removesuffix(".0") in row[-1], f"{heading}.{key}"


def models() -> dict[str, type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {"": Definition}
    pending = [Definition]
    while pending:
        for key, field in pending.pop().model_fields.items():
            for part in parts(field.annotation):
                found[key] = part
                pending.append(part)
    return found


def rows(wanted: str) -> list[list[str]]:
    heading, found = "", []
    for line in TEXT.split("## The keys of problem.toml")[1].splitlines():
        if line.startswith("### "):
            heading = re.findall(r"\[+(\w+)\]+", line)[0]
        elif line.startswith("A gate"):
            heading = "gates"
        elif line.startswith("| `") and heading == wanted:
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_built_in_problems_are_whole(folder: Path) -> None:
    problem: Problem = read_problem_folder(folder)
    assert problem.definition.name == folder.name
    assert problem.definition.picture == "picture"
    readme = problem.files["README.md"].decode()
    assert "| the seed |" in readme
    for known in problem.definition.known:
        assert known.date, known.name
        assert known.source, known.name


def test_the_first_problems_are_there() -> None:
    assert {"circle_packing_26", "optimizer_rule", "sort_integers", "kissing_number_11"} <= {folder.name for folder in FOLDERS}
