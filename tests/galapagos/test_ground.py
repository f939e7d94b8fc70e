from pathlib import Path

import pytest

from database import runs
from database.errors import DatabaseUnavailable, WrongDatabaseUrl
from galapagos.failures import ExitCode, Failure
from galapagos.ground import NothingHere, own_ground, visited_ground
from galapagos.settings import CommandSettings


def _settings(data: Path, url: str = "") -> CommandSettings:
    return CommandSettings(data=data, database_url=url)


async def test_a_second_run_on_one_folder_is_refused_and_looking_is_not(open_folder: Path) -> None:
    settings = _settings(open_folder / "data")
    async with own_ground(settings) as ground:
        assert ground.server is not None
        with pytest.raises(Failure, match=r"another galapagos run works on the data folder .*--data") as refused:
            async with own_ground(settings):
                pass
        assert refused.value.code is ExitCode.MACHINE
        async with visited_ground(settings) as visited, visited.database.begin() as connection:
            assert visited.server is None
            assert await runs.unfinished(connection) == []
    async with own_ground(settings):
        pass


async def test_a_server_is_used_where_one_is_named(open_folder: Path, database_url: str) -> None:
    async with own_ground(_settings(open_folder / "data", database_url)) as ground, ground.database.begin() as connection:
        assert ground.server is None
        assert await runs.unfinished(connection) == []
        assert not (open_folder / "data" / "database").exists()


async def test_wrong_addresses_are_said(open_folder: Path) -> None:
    with pytest.raises(WrongDatabaseUrl):
        async with own_ground(_settings(open_folder, "mysql://somewhere/x")):
            pass
    with pytest.raises(DatabaseUnavailable):
        async with own_ground(_settings(open_folder, "postgresql://nobody@127.0.0.1:1/none")):
            pass


async def test_a_folder_that_cannot_be_made_is_said(open_folder: Path) -> None:
    (open_folder / "file").write_text("")
    with pytest.raises(Failure, match=r"cannot be made.*--data"):
        async with own_ground(_settings(open_folder / "file" / "data")):
            pass


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_looking_at_a_folder_makes_nothing_there(open_folder: Path) -> None:
    for folder in (open_folder, open_folder / "missing"):
        with pytest.raises(NothingHere, match=r"no runs in .*--data"):
            async with visited_ground(_settings(folder)):
                pass
    assert _names(open_folder) == []


async def test_a_folder_named_database_that_is_not_ours_is_left_alone(open_folder: Path) -> None:
    (open_folder / "database").mkdir()
    (open_folder / "database" / "tables.py").write_text("")
    with pytest.raises(Failure, match=r"somebody else's.*--data"):
        async with own_ground(_settings(open_folder)):
            pass
    assert _names(open_folder / "database") == ["tables.py"]
