"""The folders of an embedded server: who holds them, where its cluster and its socket are, and who may connect."""

import fcntl
import hashlib
import os
import pwd
import tempfile
import time
from pathlib import Path
from typing import IO

from database.binaries import Account, place_for_root
from database.errors import DataFolderBusy, EmbeddedPostgresError

SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 107


def access_files(cluster: Path) -> dict[str, str]:
    """Write who may connect to the server of this cluster, and return the settings that name the files.

    The server asks the kernel who is at the other end of the socket, and lets in who started it, and root. The files
    lie beside the cluster: they are not the server's to change.

    Raises:
        EmbeddedPostgresError: this process's user has no name.
    """
    try:
        people = sorted({"root", pwd.getpwuid(os.geteuid()).pw_name})
    except KeyError:
        raise EmbeddedPostgresError(
            f"the embedded Postgres knows its owner by name, and user id {os.geteuid()} has none; add it to /etc/passwd, or "
            "name a server in GALAPAGOS_DATABASE_URL"
        ) from None
    texts = {
        "hba_file": "local all all peer map=galapagos\n",
        "ident_file": "".join(f'galapagos "{name}" galapagos\n' for name in people),
    }
    paths = {setting: cluster.parent / f"postgres.{setting.partition('_')[0]}" for setting in texts}
    for setting, path in paths.items():
        write_atomically(path, texts[setting])
        path.chmod(0o644)
    return {setting: str(path) for setting, path in paths.items()}


def lock(data: Path, patience_s: float = 0.0) -> IO[str]:
    """Hold the data folder for this process; the kernel lets go of it when the process ends.

    Raises:
        DataFolderBusy: another process holds it.
    """
    data.mkdir(parents=True, exist_ok=True)
    held = (data / "lock").open("a+")
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.01)
                continue
        held.seek(0)
        owner = held.read().strip() or "unknown"
        held.close()
        raise DataFolderBusy(
            f"the data folder {data} is in use by process {owner}; wait until it ends, stop it, or choose another data folder"
        )
    held.truncate(0)
    held.write(str(os.getpid()))
    held.flush()
    return held


def cluster_folder(data: Path, account: Account | None) -> Path:
    """Where the cluster is: in the data folder, or, if `account` cannot reach that, where a file in it says."""
    if account is None or account.reaches(data):
        return data / "postgres"
    place = data / "postgres.place"
    if not place.exists():
        folder = Path(tempfile.mkdtemp(prefix="cluster-", dir=place_for_root()))
        folder.chmod(0o755)
        write_atomically(place, str(folder))
    folder = Path(place.read_text())
    if not folder.is_dir():
        raise EmbeddedPostgresError(
            f"{place} says that the database is in {folder}, which is gone; bring it back, or remove {place} to begin anew"
        )
    return folder / "postgres"


def socket_folder(cluster: Path, account: Account | None) -> Path:
    """A private folder whose path is short enough for a socket: beside the cluster, or under the runtime folder."""
    beside = cluster.parent / "socket"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "") if account is None else ""
    name = f"galapagos-{hashlib.sha256(str(cluster).encode()).hexdigest()[:16]}"
    places = [beside, *([Path(runtime) / name] if runtime else []), Path("/tmp") / name]  # noqa: S108 - made 0700, owner checked
    folder = next(place for place in places if len(os.fsencode(place / SOCKET)) <= LONGEST_SOCKET_PATH)
    folder.mkdir(mode=0o700, exist_ok=True)
    owners = {os.geteuid()} if account is None else {os.geteuid(), account.uid}
    if account is not None and folder == beside:
        # Left by a version whose server ran as nobody; beside the cluster nobody else can put anything.
        owners.add(pwd.getpwnam("nobody").pw_uid)
    if folder.is_symlink() or folder.stat().st_uid not in owners:
        raise EmbeddedPostgresError(f"{folder} belongs to somebody else; remove it, or choose another data folder")
    folder.chmod(0o700)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    return folder


def write_atomically(path: Path, text: str) -> None:
    """Write a small file so that it is whole or as it was, whatever happens."""
    aside = path.with_name(path.name + ".new")
    with aside.open("w") as file:
        file.write(text)
        file.flush()
        # A name that points to nothing after a power cut would make the service begin anew elsewhere.
        os.fsync(file.fileno())
    aside.replace(path)
    flush(path.parent)


def flush(folder: Path) -> None:
    """Make sure that names made in this folder outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
