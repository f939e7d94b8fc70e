"""How commands print rows: as a table for people, or as one JSON object."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text


def tell(row: Any, as_json: bool) -> None:
    """Print one row, a dataclass or a value of a service."""
    say(json.dumps(_plain(row), ensure_ascii=False)) if as_json else _print_table([row])


def tell_all(name: str, rows: Sequence[Any], as_json: bool) -> None:
    """Print rows, which are called `name` together."""
    if as_json:
        say(json.dumps({name: [_plain(row) for row in rows]}, ensure_ascii=False))
    elif rows:
        _print_table(rows)
    else:
        say(f"no {name} yet")


@dataclass(frozen=True, slots=True)
class _AllowanceLine:
    resource: str
    most: int | None
    spent: int
    reserved: int


def tell_allowances(rows: Mapping[str, Mapping[str, Any]], as_json: bool) -> None:
    """Print what may be spent of each resource, and is."""
    if as_json:
        say(json.dumps(rows))
    else:
        _print_table([_AllowanceLine(name, **row) for name, row in rows.items()])


def tell_token(number: int, text: str, as_json: bool) -> None:
    """Print a token that was just made."""
    say(json.dumps({"token": number, "text": text}) if as_json else text)


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")


def _plain(row: Any) -> dict[str, Any]:
    if isinstance(row, BaseModel):
        return row.model_dump(mode="json")
    fields: dict[str, Any] = asdict(row)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}


def _print_table(rows: Sequence[Any]) -> None:
    table = Table(box=None, pad_edge=False)
    plain = [_plain(row) for row in rows]
    for head in plain[0]:
        table.add_column(head.replace("_", " "), overflow="fold")
    for row in plain:
        table.add_row(*(Text("-" if value is None else str(value)) for value in row.values()))
    Console().print(table)
