"""Postgres as a child of this process: started from the wheel's binaries, ended with us however we end.

Linux ends the server when the *thread* that started it ends (PR_SET_PDEATHSIG), so a thread of its own, which waits
for nothing else, starts it and lives until `stop`. The signal is SIGINT, Postgres' fast shutdown.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

from database.binaries import (
    Account,
    account_of_its_own,
    find_binaries,
    give,
    major_version,
    reachable,
    server_account,
)
from database.errors import DataFolderBusy, EmbeddedPostgresError
from database.server_folders import SOCKET, access_files, cluster_folder, flush, lock, socket_folder, write_atomically

SHUTDOWN_S = 30.0
ORPHAN_PATIENCE_S = 5.0
RECOVERY_S = 600.0
START_TRIES = 5
INITDB_TRIES = 3
"""Initdb runs servers of its own, which may be killed like any other."""
LOG_KEPT_BYTES = 10_000_000

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "50",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "15min",
    "max_worker_processes": "0",
    "max_parallel_workers_per_gather": "0",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "1",
    "autovacuum_naptime": "20s",
    "autovacuum_vacuum_scale_factor": "0.1",
    "jit": "off",
    "huge_pages": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
SETTINGS_SINCE_18 = {"io_method": "sync"}
"""A small machine's server: durable, few background processes, no TCP."""

INITDB_OPTIONS = ("-U", "galapagos", "-A", "peer", "-E", "UTF8", "--locale=C")
"""The server is told anew at each start who may connect: see `database.server_folders`."""

LAUNCHER = """
import ctypes, os, sys
parent, uid, gid, *command = sys.argv[1:]
if uid:
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
ctypes.CDLL(None).prctl(1, 2)
if os.getppid() != int(parent):
    sys.exit("the process that wanted this server is gone")
os.execv(command[0], command)
"""
"""Becomes the server: drops root, then asks for SIGINT (2) at the parent's death (PR_SET_PDEATHSIG is 1; changing the
user clears it, so the order matters), and makes sure that the parent did not die before that."""


class EmbeddedPostgres:
    """One Postgres server on one data folder, durable, reached over a unix socket only.

    Usable as a context manager. The server dies with this process, kill -9 included; a new start on the same folder
    recovers what was committed. Needs Linux. The methods block for up to some seconds, and may be called from any
    thread. `binaries` is the setting GALAPAGOS_POSTGRES_BIN; `settings` are server settings that replace ours.

    Root's server runs under a user id of its own, which nothing else on the machine has. If that cannot reach the data
    folder (it lies below a private home), the cluster is kept in `/var/lib/galapagos`, and the data folder says where.
    """

    def __init__(self, data: Path, binaries: Path | None = None, settings: Mapping[str, str] | None = None) -> None:
        self._data = data.resolve()
        self._settings = settings or {}
        self._setting = binaries
        self._account: Account | None = None
        self._lock: IO[str] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._binaries = Path()
        self._cluster = Path()
        self._sockets = Path()
        self._access: dict[str, str] = {}

    def start(self) -> Self:
        """Create the cluster if there is none, and serve it.

        Raises:
            DataFolderBusy: another process serves this folder.
            EmbeddedPostgresError: no binaries, or the server refused to start; the text holds the end of its log.
        """
        # Who only asks whether the folder is served holds the lock for a moment.
        self._lock = lock(self._data, patience_s=0.2)
        try:
            maker = server_account()
            self._binaries = reachable(find_binaries(self._setting), maker)
            self._cluster = cluster_folder(self._data, maker)
            self._create_cluster(maker)
            self._account = None if maker is None else account_of_its_own(self._cluster)
            _wait_for_orphans(_tag(self._cluster))
            if self._account is not None:
                give(self._cluster, self._account)
            self._access = access_files(self._cluster)
            self._sockets = socket_folder(self._cluster, self._account)
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="parent-of-postgres")
            self._serve()
        except BaseException:
            self.stop()
            raise
        write_atomically(self._data / "url", self.url)
        return self

    @property
    def url(self) -> str:
        """Address of the server's database as superuser, for `Database` and for other processes of this machine."""
        return f"postgresql://galapagos@/postgres?host={quote(str(self._sockets), safe='/')}"

    @property
    def pid(self) -> int:
        """Process id of the server.

        Raises:
            EmbeddedPostgresError: it was not started.
        """
        if self._server is None:
            raise EmbeddedPostgresError("the embedded Postgres was not started; call start first")
        return self._server.pid

    @property
    def log(self) -> Path:
        """The server's log."""
        return self._data / "postgres.log"

    def alive(self) -> bool:
        """Whether the server process runs."""
        return self._server is not None and self._server.poll() is None

    def restart(self) -> None:
        """Serve the folder again after the server died; `url` stays the same.

        Raises:
            EmbeddedPostgresError: it was not started before, or does not start again.
        """
        self._end_server()
        self._serve()

    def stop(self) -> None:
        """End the server cleanly and release the folder. Harmless when it does not run."""
        self._end_server()
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
        if self._lock is not None:
            (self._data / "url").unlink(missing_ok=True)
            if self._sockets != Path():
                shutil.rmtree(self._sockets, ignore_errors=True)
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _create_cluster(self, maker: Account | None) -> None:
        if (self._cluster / "PG_VERSION").exists():
            made_by = int((self._cluster / "PG_VERSION").read_text())
            if made_by != (version := major_version(self._binaries)):
                raise EmbeddedPostgresError(
                    f"{self._data} was made by Postgres {made_by}, but {self._binaries} is version {version}; name binaries of "
                    f"version {made_by} in GALAPAGOS_POSTGRES_BIN, or use another data folder"
                )
            return
        for tries_left in reversed(range(INITDB_TRIES)):
            # Made aside and renamed, so that a cluster is never half made.
            unfinished = Path(tempfile.mkdtemp(prefix="initdb-", dir=self._cluster.parent))
            try:
                done = self._initdb(unfinished, maker)
                if done.returncode == 0:
                    unfinished.rename(self._cluster)
                    flush(self._cluster.parent)
                    return
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
            if not tries_left:
                raise EmbeddedPostgresError(f"initdb could not create the database cluster:\n{done.stderr[-2000:]}")

    def _initdb(self, folder: Path, maker: Account | None) -> subprocess.CompletedProcess[str]:
        if maker is not None:
            os.chown(folder, maker.uid, maker.gid)
        return subprocess.run(
            [self._binaries / "initdb", "-D", folder, *INITDB_OPTIONS],
            cwd=folder,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            user=None if maker is None else maker.uid,
            group=None if maker is None else maker.gid,
            extra_groups=None if maker is None else [],
        )

    def _serve(self) -> None:
        if self._thread is None:
            raise EmbeddedPostgresError("the embedded Postgres was not started; call start first")
        if self.log.exists() and self.log.stat().st_size > LOG_KEPT_BYTES:
            self.log.replace(self.log.with_suffix(".log.old"))
        for _ in range(START_TRIES):
            _wait_for_orphans(_tag(self._cluster))
            for leftover in (self._cluster / "postmaster.pid", self._sockets / SOCKET, self._sockets / f"{SOCKET}.lock"):
                leftover.unlink(missing_ok=True)
            self._server = self._thread.submit(self._spawn).result()
            if self._becomes_ready():
                return
            # A server that is killed while it recovers can recover all the same; one that gives up says why.
            killed = (self._server.poll() or 0) < 0
            self._end_server()
            if not killed:
                break
        tail = self.log.read_text(errors="replace")[-2000:]
        raise EmbeddedPostgresError(f"the embedded Postgres did not start; its log {self.log} ends:\n{tail}")

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = {
            **SETTINGS,
            **(SETTINGS_SINCE_18 if major_version(self._binaries) >= 18 else {}),
            **self._access,
            **self._settings,
            "unix_socket_directories": str(self._sockets),
            "cluster_name": _tag(self._cluster),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        user = ["", ""] if self._account is None else [str(self._account.uid), str(self._account.gid)]
        command = [str(self._binaries / "postgres"), "-D", str(self._cluster), *options]
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal must not reach the server before its clients are done.
            return subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), *user, *command],
                cwd=self._cluster,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _becomes_ready(self) -> bool:
        deadline = time.monotonic() + RECOVERY_S
        while self.alive() and time.monotonic() < deadline:
            if _ready(self._cluster / "postmaster.pid", self.pid):
                return True
            time.sleep(0.005)
        return False

    def _end_server(self) -> None:
        if self._server is None:
            return
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self._server.poll() is None:
                self._server.send_signal(number)
            try:
                self._server.wait(SHUTDOWN_S)
            except subprocess.TimeoutExpired:
                continue
            break


def holds_cluster(data: Path) -> bool:
    """Whether a server's files were ever made in this folder, or, as a place file says, for it."""
    return (data / "postgres").is_dir() or (data / "postgres.place").exists()


def serving_url(data: Path) -> str | None:
    """Address of the server that another process runs on this data folder now; None if nobody serves it."""
    try:
        lock(data.resolve()).close()
    except DataFolderBusy:
        address = data / "url"
        return address.read_text() if address.exists() else None
    return None


def _tag(cluster: Path) -> str:
    return f"galapagos-{hashlib.sha256(str(cluster).encode()).hexdigest()[:16]}"


def _wait_for_orphans(tag: str) -> None:
    """Wait until every process of an earlier server on this cluster is gone; after a while, make it go.

    Two servers on one cluster would destroy it, and Postgres' own guard is the file that is about to be removed. The
    processes are known by the cluster's name in their titles: that is readable in /proc whoever owns them.
    """
    for number in (signal.SIGINT, signal.SIGQUIT):
        deadline = time.monotonic() + ORPHAN_PATIENCE_S
        while time.monotonic() < deadline:
            if not _signal_all(_processes(tag), number):
                return
            time.sleep(0.02)
    if pids := _processes(tag):
        raise EmbeddedPostgresError(f"an earlier Postgres of this data folder does not end: processes {pids}; end them")


def _signal_all(pids: list[int], number: signal.Signals) -> bool:
    """Send the signal to those that are still there; whether there was any."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return bool(pids)


def _processes(tag: str) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "comm").read_text().startswith("postgres") and tag in (entry / "cmdline").read_text(errors="replace"):
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _ready(pid_file: Path, pid: int) -> bool:
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
