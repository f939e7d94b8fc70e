"""Process settings: the environment variables named GALAPAGOS_*, checked once at the start of a process."""

import difflib
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

PREFIX = "GALAPAGOS_"
FILE = "_FILE"


class Secret:
    """Marks a setting, as in `Annotated[str, Secret()]`: its variable with `_FILE` added may name a file that holds it."""


class SettingsError(ValueError):
    """The environment does not say what this process needs to know. The text names each variable that is at fault."""


class EnvironmentSettings(BaseModel):
    """What a process is told, whatever it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @classmethod
    def from_environment(cls, others: frozenset[str] = frozenset()) -> Self:
        """Read the environment. `others` are names that belong to other kinds of process and are let pass.

        Raises:
            SettingsError: a name that nothing reads, a value of the wrong kind, or one that is missing.
        """
        known = cls.variables() | others
        given = {name.upper(): value for name, value in os.environ.items() if name.upper().startswith(PREFIX)}
        complaints = [_unknown(name, sorted(known)) for name in sorted(given.keys() - known)]
        secrets = cls.secrets()
        # An empty variable is one that is not set: so files for orchestrators can pass on what somebody may set.
        values = {name: value for name in cls.model_fields if (value := given.get(PREFIX + name.upper(), ""))}
        try:
            values |= {name: content for name in sorted(secrets) if (content := _from_file(name, given))}
            settings = cls.model_validate(values)
        except SettingsError as error:
            complaints.append(str(error))
        except ValidationError as error:
            complaints += [_complaint(item, secrets) for item in error.errors()]
        else:
            if not complaints:
                return settings
        raise SettingsError("\n".join(complaints))

    @classmethod
    def secrets(cls) -> frozenset[str]:
        """The fields that may come from files."""
        return frozenset(
            name for name, field in cls.model_fields.items() if any(isinstance(mark, Secret) for mark in field.metadata)
        )

    @classmethod
    def variables(cls) -> frozenset[str]:
        """The names of all variables that are read."""
        return frozenset(
            {PREFIX + name.upper() for name in cls.model_fields} | {PREFIX + name.upper() + FILE for name in cls.secrets()}
        )


class LogFormat(StrEnum):
    """How a process writes its log."""

    TEXT = "text"
    JSON = "json"


class LoggedSettings(EnvironmentSettings):
    """`log` is read by `database.logs`."""

    log: LogFormat = LogFormat.TEXT


class OperatedSettings(LoggedSettings):
    """Metrics are served at `metrics_port` of `metrics_host`, if that is set."""

    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    metrics_host: str = "127.0.0.1"


class ProcessSettings(OperatedSettings):
    """What every process of a run is told: where the program database is (postgresql://user:password@host/name).

    `health_file` is touched every few seconds as long as the process is well.
    """

    database_url: Annotated[str, Secret()]
    health_file: Path | None = None


def _from_file(field: str, given: Mapping[str, str]) -> str:
    """A secret whose variable names a file; nothing where it does not."""
    variable = PREFIX + field.upper()
    place = given.get(variable + FILE, "")
    if not place:
        return ""
    if given.get(variable, ""):
        raise SettingsError(f"{variable} and {variable}{FILE} are both set; set one of them")
    try:
        content = Path(place).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{variable}{FILE} must name a file that this process can read; got {place!r}: {error}; correct it"
        ) from None
    if not content:
        raise SettingsError(f"{variable}{FILE} must name a file with the secret in it; {place} is empty; write it there")
    return content


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return f"{name} is a setting that nothing reads ({hint}); correct or unset it"


def _complaint(item: Any, secret: frozenset[str]) -> str:
    field = ".".join(str(part) for part in item["loc"])
    name = PREFIX + field.upper()
    if item["type"] == "missing":
        return f"{name} is not set; set it (docs/settings.md describes every setting)"
    if field in secret:
        return f"{name}: {item['msg']}"
    return f"{name}: {item['msg']}; got {item['input']!r}"[:500]
