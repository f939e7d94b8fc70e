import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import unquote

import pytest
import sqlalchemy as sa

from database import binaries, embedded
from database.binaries import OWN_IDS, Account, find_binaries, give, major_version, reachable, server_account
from database.embedded import EmbeddedPostgres, serving_url
from database.engine import Database
from database.errors import DataFolderBusy, EmbeddedPostgresError

SERVE = """
import sys, time
from pathlib import Path
from urllib.parse import unquote
from database.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1])).start()
print(server.pid, flush=True)
time.sleep(600)
"""


async def execute(url: str, *statements: str) -> object:
    async with Database(url) as database, database.begin() as connection:
        for statement in statements[:-1]:
            await connection.execute(sa.text(statement))
        return (await connection.execute(sa.text(statements[-1]))).scalar()


def run(url: str, *statements: str) -> object:
    return asyncio.run(execute(url, *statements))


def gone(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    return True


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while not gone(pid):
        assert time.monotonic() < deadline, f"process {pid} lives on"
        time.sleep(0.01)


def test_what_is_committed_survives_a_killed_server(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder) as server:
        url, pid = server.url, server.pid
        assert server.alive()
        run(url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7) RETURNING n")
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert run(url, f"SHOW {setting}") == "on"
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid)
        assert not server.alive()
        server.restart()
        assert server.url == url
        assert run(url, "SELECT n FROM kept") == 7
    assert not server.alive()
    with EmbeddedPostgres(open_folder) as again:
        assert run(again.url, "SELECT n FROM kept") == 7


def test_a_restart_of_a_living_server_ends_it_first(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder) as server:
        pid = server.pid
        server.restart()
        assert gone(pid)
        assert run(server.url, "SELECT 1") == 1


def test_a_second_server_on_the_folder_is_refused_and_told_the_address(open_folder: Path) -> None:
    assert serving_url(open_folder) is None
    with EmbeddedPostgres(open_folder) as server:
        with pytest.raises(DataFolderBusy, match=f"in use by process {os.getpid()}"):
            EmbeddedPostgres(open_folder).start()
        assert serving_url(open_folder) == server.url
        assert run(server.url, "SELECT 1") == 1
    assert serving_url(open_folder) is None


def test_the_server_ends_with_a_killed_parent_and_the_folder_serves_again_at_once(open_folder: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", SERVE, str(open_folder)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    url = serving_url(open_folder)
    assert url is not None
    run(url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (3) RETURNING n")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    with EmbeddedPostgres(open_folder) as server:
        assert gone(pid)
        assert run(server.url, "SELECT n FROM kept") == 3


def test_a_pid_file_of_somebody_else_does_not_hinder(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder):
        pass
    (open_folder / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{open_folder}/postgres\n1\n5432\n\n\n\nready\n")
    with EmbeddedPostgres(open_folder) as server:
        assert run(server.url, "SELECT 1") == 1


def test_it_listens_on_a_private_socket_only(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder) as server:
        assert run(server.url, "SHOW listen_addresses") == ""
        assert (open_folder / "socket").stat().st_mode & 0o777 == 0o700
        owner = Path(f"/proc/{server.pid}").stat().st_uid
        assert owner in (OWN_IDS if os.geteuid() == 0 else {os.geteuid()})


def test_a_folder_with_a_long_path_gets_its_socket_elsewhere(open_folder: Path) -> None:
    deep = open_folder / ("d" * 60) / ("e" * 60)
    with EmbeddedPostgres(deep) as server:
        sockets = Path(server.url.partition("host=")[2])
        assert not sockets.is_relative_to(open_folder)
        assert run(server.url, "SELECT 1") == 1
    assert not sockets.exists()


def test_a_server_that_cannot_start_says_why(open_folder: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=r"did not start(.|\n)*max_connections"):
        EmbeddedPostgres(open_folder, settings={"max_connections": "many"}).start()
    with EmbeddedPostgres(open_folder) as server:
        assert run(server.url, "SELECT 1") == 1
        (open_folder / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(EmbeddedPostgresError, match="made by Postgres 12"):
        EmbeddedPostgres(open_folder).start()


def test_a_server_that_is_killed_while_it_starts_is_started_again(open_folder: Path) -> None:
    real = find_binaries(None)
    wrapped = open_folder / "wrapped"
    wrapped.mkdir()
    for tool in real.iterdir():
        (wrapped / tool.name).symlink_to(tool)
    (wrapped / "postgres").unlink()
    starts = open_folder / "starts"
    starts.touch()
    starts.chmod(0o666)
    script = f'#!/bin/sh\n[ "$1" = -D ] || exec {real}/postgres "$@"\necho >> {starts}\n'
    script += f'[ "$(wc -l < {starts})" -gt 2 ] || kill -9 $$\nexec {real}/postgres "$@"\n'
    (wrapped / "postgres").write_text(script)
    (wrapped / "postgres").chmod(0o755)
    with EmbeddedPostgres(open_folder / "made") as server:
        assert server.alive()
    with EmbeddedPostgres(open_folder / "made", wrapped) as server:
        assert run(server.url, "SELECT 1") == 1
    assert starts.read_text().count("\n") == 3


def test_what_was_not_started_says_so() -> None:
    server = EmbeddedPostgres(Path("/tmp/galapagos-never-started"))
    assert not server.alive()
    server.stop()
    for attempt in (lambda: server.pid, server.restart):
        with pytest.raises(EmbeddedPostgresError, match="call start first"):
            attempt()
    assert not Path("/tmp/galapagos-never-started").exists()


def test_a_failed_initdb_leaves_nothing(open_folder: Path) -> None:
    fake = open_folder / "bin"
    fake.mkdir()
    for name in ("postgres", "initdb"):
        (fake / name).write_text("#!/bin/sh\necho 'no room' >&2\nexit 1\n")
        (fake / name).chmod(0o755)
    with pytest.raises(EmbeddedPostgresError, match="no room"):
        EmbeddedPostgres(open_folder / "data", fake).start()
    assert not (open_folder / "data" / "postgres").exists()
    assert serving_url(open_folder / "data") is None


def test_a_killed_initdb_is_begun_again(open_folder: Path) -> None:
    real, fake, killed = find_binaries(None), open_folder / "bin", open_folder / "marks" / "killed"
    for folder in (fake, killed.parent):
        folder.mkdir()
        folder.chmod(0o777)
    first = f"[ -e {killed} ] || {{ touch {killed}; kill -9 $$; }}"
    for name, before in (("initdb", first), ("postgres", "true")):
        (fake / name).write_text(f'#!/bin/sh\n{before}\nexec {reachable(real, server_account()) / name} "$@"\n')
        (fake / name).chmod(0o755)
    with EmbeddedPostgres(open_folder / "data", fake) as server:
        assert run(server.url, "SELECT 1") == 1
    assert killed.exists()


def test_a_large_log_is_put_aside(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LOG_KEPT_BYTES", 1)
    with EmbeddedPostgres(open_folder) as server:
        server.restart()
    assert (open_folder / "postgres.log.old").exists()


def test_binaries_are_those_of_the_setting_or_the_newest_found(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_binaries(None)
    assert major_version(found) >= 15
    assert find_binaries(found) == found
    with pytest.raises(EmbeddedPostgresError, match="GALAPAGOS_POSTGRES_BIN must name a folder"):
        find_binaries(open_folder)
    monkeypatch.setattr(binaries, "_of_wheel", list)
    monkeypatch.setattr(binaries, "_of_system", lambda: [open_folder])
    with pytest.raises(EmbeddedPostgresError, match="no Postgres found"):
        find_binaries(None)
    monkeypatch.undo()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(found))
    assert find_binaries(None) != open_folder


def test_who_may_search_a_folder_is_told_by_owner_group_and_others(open_folder: Path) -> None:
    inner = open_folder / "inner"
    inner.mkdir()
    found = inner.stat()
    owner, member = Account(found.st_uid, found.st_gid + 1), Account(found.st_uid + 1, found.st_gid)
    other = Account(found.st_uid + 1, found.st_gid + 1)
    for mode, expected in ((0o700, (True, False, False)), (0o710, (True, True, False)), (0o701, (True, False, True))):
        inner.chmod(mode)
        assert (owner.reaches(inner), member.reaches(inner), other.reaches(inner / "missing")) == expected
    assert reachable(inner, None) == inner


def greeting(path: Path, uid: int) -> bytes:
    """What the server says to a process of this user that wants to be its superuser: R, or an error."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                words = b"\0\3\0\0user\0galapagos\0database\0postgres\0\0"
                client.sendall((len(words) + 4).to_bytes(4, "big") + words)
                os.write(writer, client.recv(1000))
        except OSError as error:
            os.write(writer, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as said:
        return said.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
class TestAsRoot:
    @pytest.fixture
    def place(self, open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(binaries, "PLACE_FOR_ROOT", open_folder / "place")
        return open_folder / "place"

    @pytest.fixture
    def private(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="galapagos-private-"))
        yield folder
        shutil.rmtree(folder)

    def test_a_private_data_folder_keeps_its_cluster_elsewhere(self, place: Path, private: Path) -> None:
        with EmbeddedPostgres(private / "data") as server:
            run(server.url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (3) RETURNING n")
        (cluster,) = place.glob("cluster-*/postgres")
        assert (private / "data" / "postgres.place").read_text() == str(cluster.parent)
        with EmbeddedPostgres(private / "data") as server:
            assert run(server.url, "SELECT n FROM kept") == 3
        shutil.rmtree(cluster.parent)
        with pytest.raises(EmbeddedPostgresError, match="which is gone"):
            EmbeddedPostgres(private / "data").start()

    def test_binaries_in_a_private_folder_are_copied_once(self, place: Path, private: Path, open_folder: Path) -> None:
        source = find_binaries(None)
        package = source.parent.parent
        shutil.copytree(package, private / package.name, ignore=shutil.ignore_patterns("include", "pginstall"))
        if (libraries := package.with_name(f"{package.name}.libs")).exists():
            shutil.copytree(libraries, private / libraries.name)
        hidden = private / source.relative_to(package.parent)
        nobody = Account(pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
        copy = reachable(hidden, nobody)
        assert copy.is_relative_to(place)
        assert reachable(hidden, nobody) == copy
        with EmbeddedPostgres(open_folder / "data", hidden) as server:
            assert run(server.url, "SELECT 1") == 1

    def test_other_users_of_the_machine_reach_neither_its_socket_nor_its_files(self, open_folder: Path) -> None:
        nobody = pwd.getpwnam("nobody").pw_uid
        with EmbeddedPostgres(open_folder) as server:
            path = Path(unquote(server.url.partition("host=")[2])) / ".s.PGSQL.5432"
            assert greeting(path, 0).startswith(b"R")
            assert greeting(path, nobody) == b"PermissionError"
            # Even if the folder were open, the server knows who is there.
            path.parent.chmod(0o755)
            path.chmod(0o777)
            assert b"Peer authentication failed" in greeting(path, nobody)
            cluster = open_folder / "postgres"
            served_by = Path(f"/proc/{server.pid}").stat().st_uid
            assert served_by in OWN_IDS
            assert {place.lstat().st_uid for place in cluster.rglob("*")} == {cluster.stat().st_uid} == {served_by}
        with EmbeddedPostgres(open_folder) as server:
            assert Path(f"/proc/{server.pid}").stat().st_uid == served_by

    def test_a_cluster_that_nobody_owned_is_taken_over_with_all_that_it_holds(self, open_folder: Path) -> None:
        nobody = Account(pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
        with EmbeddedPostgres(open_folder) as server:
            run(server.url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (3) RETURNING n")
        give(open_folder / "postgres", nobody)
        (open_folder / "socket").mkdir(mode=0o700)
        os.chown(open_folder / "socket", nobody.uid, nobody.gid)
        with EmbeddedPostgres(open_folder) as server:
            assert run(server.url, "SELECT n FROM kept") == 3
            assert Path(f"/proc/{server.pid}").stat().st_uid in OWN_IDS

    def test_a_place_that_cannot_be_made_is_named(self, private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (private / "file").touch()
        monkeypatch.setattr(binaries, "PLACE_FOR_ROOT", private / "file" / "place")
        with pytest.raises(EmbeddedPostgresError, match="could not be made"):
            EmbeddedPostgres(private / "data").start()
        assert serving_url(private / "data") is None


def test_a_socket_folder_of_somebody_else_is_not_used(open_folder: Path) -> None:
    elsewhere = open_folder / "elsewhere"
    elsewhere.mkdir()
    (open_folder / "socket").symlink_to(elsewhere)
    with pytest.raises(EmbeddedPostgresError, match="belongs to somebody else"):
        EmbeddedPostgres(open_folder).start()


def test_orphans_of_an_earlier_server_are_ended_before_the_cluster_is_touched(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "ORPHAN_PATIENCE_S", 0.5)
    # An orphan is known by its name and the tag of the cluster; this one ends at no signal but SIGQUIT, then at none.
    script = (
        "import ctypes, signal, time; ctypes.CDLL(None).prctl(15, b'postgres'); "
        "[signal.signal(n, signal.SIG_IGN if n in {} else signal.SIG_DFL) for n in (2, 3)]; "
        "print(1, flush=True); time.sleep(60)"
    )
    for ignored, ends in (((2,), True), ((2, 3), False)):
        orphan = subprocess.Popen(
            [sys.executable, "-c", script.format(ignored), "galapagos-0123456789abcdef"], stdout=subprocess.PIPE, text=True
        )
        assert orphan.stdout is not None
        orphan.stdout.readline()
        try:
            if ends:
                asyncio.run(reaped(orphan))
                assert orphan.returncode == -signal.SIGQUIT
            else:
                with pytest.raises(EmbeddedPostgresError, match=f"does not end: processes \\[{orphan.pid}\\]"):
                    embedded._wait_for_orphans("galapagos-0123456789abcdef")
        finally:
            orphan.kill()
            orphan.wait()
            orphan.stdout.close()


async def reaped(orphan: subprocess.Popen[str]) -> None:
    await asyncio.gather(
        asyncio.to_thread(embedded._wait_for_orphans, "galapagos-0123456789abcdef"), asyncio.to_thread(orphan.wait)
    )
