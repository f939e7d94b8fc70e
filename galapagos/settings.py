"""What a person tells the command line through the environment, and what of it each process is told."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from database.settings import PREFIX, EnvironmentSettings, ProcessSettings, Secret
from evaluators.settings import EvaluatorSettings, SlotSettings, default_cache
from server.settings import ServerSettings
from workers.settings import WorkerSettings

PASSED_ON = frozenset({"PATH", "HOME", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR"})
PASSED_ON_PREFIXES = ("LC_", "XDG_")
INSTALLER_PREFIXES = ("UV_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
SECRET_WORDS = ("TOKEN", "PASSWORD", "SECRET", "KEY", "CREDENTIAL")
SET_BY_US = frozenset({"database_url", "tier", "models"})
OF_SERVICES = frozenset({"health_file", "metrics_host", "metrics_port", "model_keys"})
"""Settings of processes that are started by hand; commands, which start several for themselves, refuse them."""
KINDS: dict[str, type[EnvironmentSettings]] = {
    "controller": ProcessSettings,
    "workers": WorkerSettings,
    "evaluators": EvaluatorSettings,
    "slots": SlotSettings,
    "server": ServerSettings,
}
"""The settings that each kind of process reads. Slots has no database, and is started for tier container alone."""


class CommandSettings(EnvironmentSettings):
    """`data` holds the embedded database, logs, reports and best programs; `models` names the file of model endpoints.

    Without `database_url` an embedded database in `data` is used, from the binaries in `postgres_bin` if that is set.
    Installed packages of problems are kept below `cache`.
    """

    database_url: Annotated[str, Secret()] = ""
    data: Path = Path(".galapagos")
    models: Path | None = None
    postgres_bin: Path | None = None
    cache: Path = Field(default_factory=default_cache)


class RemoteSettings(EnvironmentSettings):
    """`url` is the address of a service, without a path; `token` that of the person who asks it for something."""

    url: str = "http://127.0.0.1:8765"
    token: Annotated[str, Secret()] = ""


def remote_settings() -> RemoteSettings:
    """Where the service of a client is, and who asks.

    Raises:
        SettingsError: a GALAPAGOS_ variable that nothing reads, or one with an unusable value.
    """
    return RemoteSettings.from_environment(_others() | CommandSettings.variables())


def command_settings(data: Path | None) -> CommandSettings:
    """The settings of a command; `data`, from its option, goes before the environment.

    Raises:
        SettingsError: a GALAPAGOS_ variable that nothing reads, or one with an unusable value.
    """
    settings = CommandSettings.from_environment(_others() | RemoteSettings.variables())
    return settings if data is None else settings.model_copy(update={"data": data})


def _others() -> frozenset[str]:
    of_processes = {name for kind in KINDS.values() for name in kind.model_fields}
    return frozenset(PREFIX + name.upper() for name in of_processes - SET_BY_US - OF_SERVICES)


def passed_settings(kind: str, given: Mapping[str, str]) -> dict[str, str]:
    """The settings in the environment that a kind of process reads, and that are not chosen for it here."""
    names = set(KINDS[kind].model_fields) - SET_BY_US - OF_SERVICES
    upper = {name.upper(): value for name, value in given.items()}
    return {name: upper[PREFIX + name.upper()] for name in names if PREFIX + name.upper() in upper}


def process_environment(
    given: Mapping[str, str], ours: Mapping[str, str], more: Iterable[str] = (), prefixes: tuple[str, ...] = ()
) -> dict[str, str]:
    """The environment of a child process: what every program needs, the variables named in `more`, and `ours`.

    Nothing else of `given` is passed on: keys and passwords reach only the process that was named with them.
    Variables that match `prefixes` are passed on unless they look like a secret.
    """
    names = PASSED_ON | set(more)
    kept = {name: value for name, value in given.items() if name in names or name.startswith(PASSED_ON_PREFIXES)}
    kept |= {
        name: value
        for name, value in given.items()
        if name.upper().startswith(prefixes) and not any(word in name.upper() for word in SECRET_WORDS)
    }
    return kept | {PREFIX + name.upper(): value for name, value in ours.items()}
