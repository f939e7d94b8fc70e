"""A Postgres server that asks for passwords, with a migrated database and a role for each kind of process."""

import asyncio
import secrets
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from database.embedded import EmbeddedPostgres
from database.migrate import upgrade
from evolution.process import Kind
from tests.conftest import WITHOUT_FLUSHES

PASSWORD = f"{secrets.token_hex(8)}:/@"
ACCESS = "local all galapagos peer map=galapagos\nlocal all all scram-sha-256\n"


@dataclass(frozen=True)
class RolesServer:
    """The addresses of the owner and of each kind's role."""

    owner: str
    kinds: dict[Kind, str]


@contextmanager
def roles_server() -> Generator[RolesServer]:
    with tempfile.TemporaryDirectory(prefix="galapagos-roles-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        access = folder / "access.conf"
        access.write_text(ACCESS)
        access.chmod(0o644)
        with EmbeddedPostgres(folder / "data", settings={**WITHOUT_FLUSHES, "hba_file": str(access)}) as server:
            asyncio.run(upgrade(server.url, {kind: (f"galapagos_{kind}", PASSWORD) for kind in Kind}))
            rest = server.url.partition("@")[2]
            quoted = PASSWORD.replace(":", "%3A").replace("/", "%2F").replace("@", "%40")
            yield RolesServer(server.url, {kind: f"postgresql://galapagos_{kind}:{quoted}@{rest}" for kind in Kind})
