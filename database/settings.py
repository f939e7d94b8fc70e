"""Process settings: the environment variables named GALAPAGOS_*, checked once at the start of a process."""

import difflib
import os
from typing import Any, Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "GALAPAGOS_"


class SettingsError(ValueError):
    """The environment does not say what this process needs to know. The text names each variable that is at fault."""


class EnvironmentSettings(BaseSettings):
    """What a process is told, whatever it is."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    @classmethod
    def from_environment(cls, others: frozenset[str] = frozenset()) -> Self:
        """Read the environment. `others` are names that belong to other kinds of process and are let pass.

        Raises:
            SettingsError: a name that nothing reads, a value of the wrong kind, or one that is missing.
        """
        known = {PREFIX + field.upper() for field in cls.model_fields} | others
        given = {name.upper() for name in os.environ if name.upper().startswith(PREFIX)}
        complaints = [_unknown(name, sorted(known)) for name in sorted(given - known)]
        try:
            settings = cls()  # pyright: ignore[reportCallIssue] - the environment gives what has no default
        except ValidationError as error:
            complaints += [_complaint(item) for item in error.errors()]
        else:
            if not complaints:
                return settings
        raise SettingsError("\n".join(complaints))


class ProcessSettings(EnvironmentSettings):
    """What every process of a run is told: where the program database is (postgresql://user:password@host/name)."""

    database_url: str


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return f"{name} is a setting that nothing reads ({hint}); correct or unset it"


def _complaint(item: Any) -> str:
    name = PREFIX + ".".join(str(part) for part in item["loc"]).upper()
    if item["type"] == "missing":
        return f"{name} is not set; set it (docs/settings.md describes every setting)"
    return f"{name}: {item['msg']}; got {item['input']!r}"[:500]
