"""What the service is told through its environment."""

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import Field

from database.settings import ProcessSettings
from evolution.evaluation import Tier


class ServerSettings(ProcessSettings):
    """The service listens at `bind` and `port`; an upload may have `body_mib` MiB.

    A token may ask `requests_per_minute` times a minute, 0 is as often as it likes; see `server.rate_limit`.

    New runs get the tier `tier`, which is that of the evaluators beside it, and may name the models of the file `models`.
    Webhooks may be at addresses of the inside if `webhook_private` is set. `oidc` is the file that says with which provider
    people sign in.
    """

    bind: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8765
    body_mib: Annotated[int, Field(ge=1, le=1024)] = 96
    requests_per_minute: Annotated[int, Field(ge=0, le=10_000_000)] = 12_000
    tier: Tier = Tier.NAMESPACES
    models: Path | None = None
    webhook_private: bool = False
    oidc: Path | None = None

    @property
    def only_here(self) -> bool:
        """Whether nobody outside of this machine can reach the service."""
        try:
            return ipaddress.ip_address(self.bind).is_loopback
        except ValueError:
            return self.bind == "localhost"
