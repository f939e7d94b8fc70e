"""A secret may come from a file, as orchestrators hand them out."""

import os
from pathlib import Path

import pytest

from database.settings import ProcessSettings, SettingsError

URL = "postgresql://somebody:secret@localhost/galapagos"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("GALAPAGOS_"):
            monkeypatch.delenv(name)


def test_a_secret_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / "url"
    place.write_text(f"{URL}\n")
    monkeypatch.setenv("GALAPAGOS_DATABASE_URL_FILE", str(place))
    assert ProcessSettings.from_environment().database_url == URL


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "must name a file that this process can read"), ("\n", "is empty; write it there")],
)
def test_a_file_that_cannot_be_used_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, words: str
) -> None:
    place = tmp_path / "url"
    if content is not None:
        place.write_text(content)
    monkeypatch.setenv("GALAPAGOS_DATABASE_URL_FILE", str(place))
    with pytest.raises(SettingsError, match=f"GALAPAGOS_DATABASE_URL_FILE.*{words}"):
        ProcessSettings.from_environment()


def test_a_secret_that_is_given_twice_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GALAPAGOS_DATABASE_URL_FILE", str(tmp_path))
    monkeypatch.setenv("GALAPAGOS_DATABASE_URL", URL)
    with pytest.raises(SettingsError, match="are both set; set one of them") as caught:
        ProcessSettings.from_environment()
    assert "secret" not in str(caught.value)
