import asyncio
import socket
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from database import engine
from database.embedded import EmbeddedPostgres
from database.engine import CONTROLLER, EVALUATORS, WORKERS, Database, connect_arguments, notify
from database.errors import DatabaseUnavailable, WrongDatabaseUrl
from tests.conftest import administer


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "cannot be read"),
        ("nonsense", "cannot be read"),
        ("postgresql://u:secret@h:port/x", "cannot be read"),
        ("mysql://u@h/x", "must be Postgres.*got the scheme 'mysql'"),
        ("postgresql://u@h", "names no database"),
        ("postgresql://u@h/x?sslrootcert=a", "options that are not known: sslrootcert"),
    ],
)
def test_a_wrong_url_is_refused_in_plain_words(url: str, said: str) -> None:
    with pytest.raises(WrongDatabaseUrl, match=said) as caught:
        Database(url)
    assert "secret" not in str(caught.value)


def test_a_url_names_hosts_sockets_and_encryption() -> None:
    found = connect_arguments("postgresql+asyncpg://u:p%40@h:5433/x?sslmode=require")
    assert (found["host"], found["port"], found["user"], found["password"], found["database"], found["ssl"]) == (
        "h",
        5433,
        "u",
        "p@",
        "x",
        "require",
    )
    found = connect_arguments("postgres://u@/x?host=/run/socket&port=5444")
    assert (found["host"], found["port"], found["database"]) == ("/run/socket", 5444, "x")


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with Database("postgresql://u@127.0.0.1:1/x") as database:
        with pytest.raises(DatabaseUnavailable, match=r"no Postgres answers.*start the server"):
            async with database.begin():
                pass
        with pytest.raises(DatabaseUnavailable, match="no Postgres answers"):
            async with database.listen(WORKERS):
                pass
        with pytest.raises(DatabaseUnavailable, match="no Postgres answers"):
            async with database.sole(CONTROLLER):
                pass


async def test_a_database_or_user_that_does_not_exist_is_a_wrong_url(postgres: EmbeddedPostgres) -> None:
    for url in (postgres.url.replace("/postgres?", "/missing?"), postgres.url.replace("galapagos@", "stranger@")):
        async with Database(url) as database:
            with pytest.raises(WrongDatabaseUrl, match="refuses the login"):
                async with database.begin():
                    pass


async def test_a_block_that_raises_is_undone(database: Database) -> None:
    async def fail(error: Exception) -> None:
        async with database.begin() as connection:
            await connection.execute(sa.text("CREATE TABLE undone (n int)"))
            raise error

    for error in (ZeroDivisionError(), FileNotFoundError()):
        with pytest.raises(type(error)):
            await fail(error)
    async with database.begin() as connection:
        assert (await connection.execute(sa.text("SELECT to_regclass('undone')"))).scalar() is None


async def test_a_deadlock_undoes_one_transaction_which_may_be_tried_again(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE pair (n int)"))
        await connection.execute(sa.text("INSERT INTO pair VALUES (1), (2)"))
    barrier = asyncio.Barrier(2)

    async def cross(first: int, second: int) -> None:
        async with database.begin() as connection:
            update = sa.text("UPDATE pair SET n = n WHERE n = :n")
            await connection.execute(update, {"n": first})
            await barrier.wait()
            await connection.execute(update, {"n": second})

    results = await asyncio.gather(cross(1, 2), cross(2, 1), return_exceptions=True)
    assert sorted(type(result) for result in results if result is not None) == [DatabaseUnavailable]


async def test_notifications_arrive_at_commit_and_only_on_their_channel(database: Database) -> None:
    async with database.listen(WORKERS, CONTROLLER) as listener:
        async with database.begin() as connection:
            await notify(connection, WORKERS, EVALUATORS)
            assert await listener.wait(0.05) == frozenset()
        assert await listener.wait(5) == {WORKERS}
        async with database.begin() as connection:
            await notify(connection, CONTROLLER, WORKERS)
        heard = await listener.wait(5)
        if len(heard) < 2:
            heard |= await listener.wait(5)
        assert heard == {CONTROLLER, WORKERS}
        begun = time.monotonic()
        assert await listener.wait(0.1) == frozenset()
        assert time.monotonic() - begun >= 0.09


async def lose(database: Database, server: EmbeddedPostgres) -> None:
    async with database.begin() as connection:
        await connection.execute(sa.text("SELECT 1"))
        server.stop()
        await connection.execute(sa.text("SELECT 1"))


async def test_a_lost_server_is_unavailable_and_heard_again_when_it_is_back(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder) as server:
        async with Database(server.url) as database, database.listen(WORKERS) as listener:
            with pytest.raises(DatabaseUnavailable, match="went away"):
                await lose(database, server)
            assert await listener.wait(5) == frozenset()
            begun = time.monotonic()
            assert await listener.wait(0.2) == frozenset()
            assert time.monotonic() - begun >= 0.19
            server.start()
            async with asyncio.timeout(20):
                while True:
                    try:
                        await listener.wait(0.3)
                        async with database.begin() as connection:
                            await notify(connection, WORKERS)
                    except DatabaseUnavailable:
                        continue
                    if WORKERS in await listener.wait(1):
                        break
            server.stop()
            await asyncio.sleep(0.05)


async def test_one_holds_the_sole_right_until_it_ends(database: Database, postgres: EmbeddedPostgres) -> None:
    order: list[str] = []

    async def second() -> None:
        async with database.sole(CONTROLLER):
            order.append("second")

    async with database.sole(CONTROLLER):
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.2)
        order.append("first")
        async with database.sole(WORKERS):
            order.append("another name")
    await waiting
    assert order == ["first", "another name", "second"]
    async with database.sole(CONTROLLER):
        third = asyncio.create_task(second())
        await asyncio.sleep(0.2)
        await administer(
            postgres,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = 'advisory'",
        )
        with pytest.raises(DatabaseUnavailable):
            await third


async def test_a_full_disk_or_memory_is_waited_for(database: Database) -> None:
    for state in ("53100", "53200", "58030", "57014"):
        with pytest.raises(DatabaseUnavailable, match="try again"):
            async with database.begin() as connection:
                await connection.execute(sa.text(f"DO $$ BEGIN RAISE 'no room' USING ERRCODE = '{state}'; END $$"))


async def test_waiting_long_for_a_free_connection_is_waited_out(database_url: str) -> None:
    async with Database(database_url, pool_size=1) as small:
        small.engine.pool._timeout = 0.2
        async with small.begin():
            with pytest.raises(DatabaseUnavailable):
                async with small.begin():
                    pass


async def test_a_process_that_hangs_in_a_transaction_loses_it(database: Database) -> None:
    assert engine.IDLE_S >= 60
    async with database.begin() as connection:
        shown = await connection.execute(sa.text("SHOW idle_in_transaction_session_timeout"))
        assert shown.scalar_one() == f"{engine.IDLE_S // 60}min"
    with pytest.raises(DatabaseUnavailable):
        await hang(database)


async def hang(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = '100ms'"))
        await asyncio.sleep(0.5)
        await connection.execute(sa.text("SELECT 1"))


async def test_a_connection_through_a_network_notices_a_server_that_is_gone(open_folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (open_folder / "hba").write_text("host all all 127.0.0.1/32 trust\n")
    told = {"listen_addresses": "127.0.0.1", "port": str(port), "hba_file": str(open_folder / "hba")}
    with EmbeddedPostgres(open_folder, settings=told):
        connection = await engine._open(connect_arguments(f"postgresql://galapagos@127.0.0.1:{port}/postgres"))
        channel = connection._transport.get_extra_info("socket")
        assert channel.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert channel.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        await connection.close()
