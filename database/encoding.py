"""Text and JSON that Postgres accepts: it stores no NUL and no lone surrogate, and JSON has no NaN."""

import json
import re
from typing import Any

import msgspec

_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def storable(text: str) -> str:
    """The text without NUL characters, lone surrogates replaced by question marks."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def to_json(value: Any) -> str:
    """JSON text of dataclasses, enums and plain values, its strings made storable.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(msgspec.to_builtins(value), allow_nan=False, ensure_ascii=False)
    return _ESCAPED_NUL.sub(r"\1", text).encode("utf-8", "replace").decode()
