"""A folder's settings in YAML."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import yaml

from evolution.problem import ProblemError

LARGEST = 1 << 20


def chosen_file(files: Mapping[str, bytes], names: Sequence[str], folders: Sequence[str], marks: Sequence[bytes]) -> str | None:
    """The settings file: one of these names in one of these folders, else the first YAML file there that holds a mark."""
    places = [f"{folder}{name}" for folder in folders for name in names]
    for path in places:
        if path in files:
            return path
    others = sorted(
        path
        for path in files
        if path.endswith((".yaml", ".yml"))
        and any(path.startswith(folder) and "/" not in path[len(folder) :] for folder in folders)
    )
    return next((path for path in others if any(mark in files[path] for mark in marks)), None)


def read_yaml(path: str, content: bytes) -> dict[str, Any]:
    """The table in a YAML file; an empty file is an empty table.

    Raises:
        ProblemError: too large, no YAML, or no table.
    """
    if len(content) > LARGEST:
        raise ProblemError(f"{path}: expected settings of at most {LARGEST >> 20} MiB; got {len(content)} bytes; shorten them")
    try:
        found: object = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ProblemError(f"{path}: expected YAML; it cannot be read: {reason}; correct it") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ProblemError(f"{path}: expected a table of settings at the top; got a {type(found).__name__}; correct it")
    return {str(key): value for key, value in cast("dict[object, Any]", found).items()}
