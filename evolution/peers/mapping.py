"""What becomes of the keys of another system's settings, and a careful way to read their values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any, cast

from evolution.problem import ProblemError

MOST_KEYS = 2000
DEEPEST = 8


class Treatment(StrEnum):
    """What is done with a key.

    `TAKEN`: it means the same here. `TRANSLATED`: it becomes something of ours. `DEPRECATED`: an old name that is taken
    all the same. `IGNORED`: known, and without a counterpart here. `UNKNOWN`: no key of that system.
    """

    TAKEN = "taken"
    TRANSLATED = "translated"
    DEPRECATED = "deprecated"
    IGNORED = "ignored"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done with one key, or with all below it, and what it becomes, or why nothing."""

    treatment: Treatment
    becomes: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A key that a folder's settings hold, and what was done with it."""

    key: str
    treatment: Treatment
    becomes: str


def taken(becomes: str) -> Rule:
    """A key with the same meaning here."""
    return Rule(Treatment.TAKEN, becomes)


def translated(becomes: str) -> Rule:
    """A key that becomes something of ours."""
    return Rule(Treatment.TRANSLATED, becomes)


def deprecated(becomes: str) -> Rule:
    """An old key that is taken all the same."""
    return Rule(Treatment.DEPRECATED, becomes)


def ignored(why: str, *keys: str) -> dict[str, Rule]:
    """Known keys without a counterpart, for one reason."""
    return {key: Rule(Treatment.IGNORED, why) for key in keys}


class PeerSettings:
    """The settings of a folder: nested tables, read by dotted keys. `where` names the file in error texts.

    A key of a rule stands for all that is below it; `models[].name` is that key of every table in a list.
    """

    def __init__(self, where: str, table: Mapping[str, Any], rules: Mapping[str, Rule]) -> None:
        self.where = where
        self._table = table
        self._rules = rules

    def findings(self) -> tuple[Finding, ...]:
        """Every key once, in the order of the file.

        Raises:
            ProblemError: too many keys, or nested too deeply.
        """
        found: dict[str, Finding] = {}
        for count, key in enumerate(self._keys(self._table, "", 0)):
            rule = self._rules.get(key, Rule(Treatment.UNKNOWN, "no key of that system"))
            found.setdefault(key, Finding(key, rule.treatment, rule.becomes))
            if count > MOST_KEYS:
                raise ProblemError(
                    f"{self.where}: expected at most {MOST_KEYS} values; there are more; remove what is not used"
                )
        return tuple(found.values())

    def _keys(self, value: object, key: str, depth: int) -> Iterator[str]:
        if depth > DEEPEST:
            raise ProblemError(f"{self.where}: {key}: expected at most {DEEPEST} tables within one another; got more")
        if key in self._rules or not _has_keys(value):
            yield key
        elif isinstance(value, dict):
            for name, inner in cast("dict[object, object]", value).items():
                yield from self._keys(inner, f"{key}.{name}" if key else str(name), depth + 1)
        else:
            for inner in cast("list[object]", value)[:MOST_KEYS]:
                yield from self._keys(inner, f"{key}[]", depth + 1)

    def value(self, *keys: str) -> Any:
        """The value of the first of these keys that is there and not null; None without."""
        for key in keys:
            found: Any = self._table
            for part in key.split("."):
                found = cast("dict[str, Any]", found).get(part) if isinstance(found, dict) else None
            if found is not None:
                return found
        return None

    def number(self, *keys: str, low: float = 0.0, high: float = float("inf")) -> float | None:
        """A number from `low` to `high`.

        Raises:
            ProblemError: it is none, or out of these bounds.
        """
        value = self.value(*keys)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or not low <= value <= high:
            bounds = f" from {low:g} to {high:g}" if isfinite(high) else f" of at least {low:g}"
            raise self.wrong(keys, f"a number{bounds}", value)
        return float(value)

    def whole(self, *keys: str, low: int = 0, high: float = float("inf")) -> int | None:
        """A whole number from `low` to `high`.

        Raises:
            ProblemError: it is none, or out of these bounds.
        """
        value = self.number(*keys, low=low, high=high)
        if value is not None and value != int(value):
            raise self.wrong(keys, "a whole number", value)
        return None if value is None else int(value)

    def text(self, *keys: str) -> str | None:
        """A text.

        Raises:
            ProblemError: it is none.
        """
        value = self.value(*keys)
        if value is not None and not isinstance(value, str):
            raise self.wrong(keys, "a text", value)
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Yes or no.

        Raises:
            ProblemError: neither.
        """
        value = self.value(key)
        if value is not None and not isinstance(value, bool):
            raise self.wrong((key,), "true or false", value)
        return default if value is None else value

    def table(self, key: str) -> dict[str, Any]:
        """A table; empty where the key is not there.

        Raises:
            ProblemError: no table.
        """
        value = self.value(key)
        if value is not None and not isinstance(value, dict):
            raise self.wrong((key,), "a table", value)
        return {str(name): item for name, item in cast("dict[object, Any]", value or {}).items()}

    def items(self, key: str, kind: type) -> list[Any]:
        """A list of values of one kind; empty where the key is not there.

        Raises:
            ProblemError: no list, or one with other values.
        """
        value = self.value(key)
        if value is None:
            return []
        wanted = {float: (int, float)}.get(kind, (kind,))
        if not isinstance(value, list) or not all(isinstance(item, wanted) for item in cast("list[object]", value)):
            raise self.wrong((key,), f"a list of values of type {kind.__name__}", cast("object", value))
        return cast("list[Any]", value)

    def wrong(self, keys: tuple[str, ...], expected: str, value: object) -> ProblemError:
        """The error for a value that cannot be used."""
        return ProblemError(f"{self.where}: {keys[0]}: expected {expected}; got {str(value)[:200]!r}; correct it")


def _has_keys(value: object) -> bool:
    if isinstance(value, dict):
        return bool(cast("dict[object, object]", value))
    return isinstance(value, list) and any(isinstance(item, dict) for item in cast("list[object]", value))
