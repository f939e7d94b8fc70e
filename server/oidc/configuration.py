"""The file that `GALAPAGOS_OIDC` names: which provider people sign in with, and what they may do then."""

import ipaddress
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from database.settings import SettingsError
from evolution.people import Role

RETURN_PATH = "/signed-in"
"""The page of the dashboard that the provider sends a browser back to."""
Word = Annotated[str, Field(min_length=1, max_length=500)]


class Unknown(StrEnum):
    """What becomes of somebody whom no administrator has added: refused, or added as a viewer of the project `project`."""

    REFUSE = "refuse"
    VIEWER = "viewer"


class RoleRule(BaseModel):
    """Who has `value` in the claim `claim` gets `role` in the project of that name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    claim: Word
    value: Word
    project: Word
    role: Role


class OidcConfiguration(BaseModel):
    """The provider at `issuer`, which knows the service as `client_id`, with the secret in `client_secret_file` if it has one.

    People reach the service at `url`, without a path. `title` is what the page calls the provider. Of an account `name_claim`
    is the name of the person; `domains`, if any are given, are those that its verified e-mail address may have, and each claim
    of `require` must have one of the values there. `unknown` and `project` say what becomes of others. For each project that
    `roles` names, the first rule that fits decides at each sign-in; where none does, the person does not belong to it.
    Sessions last `hours`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: Word
    client_id: Word
    client_secret_file: Path | None = None
    url: Word
    title: Annotated[str, Field(max_length=60)] = ""
    scopes: list[Word] = ["openid", "email", "profile"]
    name_claim: Word = "email"
    domains: list[Word] = []
    require: dict[str, list[Word]] = {}
    unknown: Unknown = Unknown.REFUSE
    project: Word = "default"
    roles: list[RoleRule] = []
    hours: Annotated[float, Field(gt=0, le=720)] = 12.0

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        for name, value in (("issuer", self.issuer), ("url", self.url)):
            if not protected(value):
                raise ValueError(f"{name} must be an https address, or http on this machine itself; got {value!r}; correct it")
        if httpx.URL(self.url).path not in {"", "/"}:
            raise ValueError(f"url must be an address without a path; got {self.url!r}; leave the path out")
        if "openid" not in self.scopes:
            raise ValueError(f"scopes must hold openid; got {self.scopes!r}; add it")
        return self

    @property
    def origin(self) -> str:
        """`url` as browsers name it in the header Origin."""
        found = httpx.URL(self.url)
        return f"{found.scheme}://{found.netloc.decode('ascii')}"

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends a browser back to."""
        return self.origin + RETURN_PATH

    @property
    def called(self) -> str:
        """What the page calls the provider."""
        return self.title or httpx.URL(self.issuer).host

    def secret(self) -> str | None:
        """What the service proves to the provider that it is who it says.

        Raises:
            SettingsError: the file cannot be read, or is empty.
        """
        if self.client_secret_file is None:
            return None
        try:
            found = self.client_secret_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"cannot read client_secret_file {self.client_secret_file}: {error}; correct it") from None
        if not found:
            raise SettingsError(f"client_secret_file {self.client_secret_file} is empty; expected the secret in it")
        return found


def load_configuration(path: Path) -> OidcConfiguration:
    """Read the file.

    Raises:
        SettingsError: it is missing, is no TOML, or has an unknown key or an unusable value.
    """
    try:
        return OidcConfiguration.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}; correct GALAPAGOS_OIDC") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}; correct it") from None
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors())
        raise SettingsError(f"{path}: {said}; docs/people.md describes every key") from None


def protected(address: str) -> bool:
    """Whether what is sent to an address cannot be read on the way: https, or http that stays on this machine."""
    try:
        found = httpx.URL(address)
    except httpx.InvalidURL:
        return False
    if found.scheme == "https":
        return bool(found.host)
    return found.scheme == "http" and _here(found.host)


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
