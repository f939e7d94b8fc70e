"""A machine with two GPUs."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.gpus.driver import StandIn, two_cards


@pytest.fixture
def driver(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[StandIn]:
    with two_cards(open_folder, monkeypatch) as stand_in:
        yield stand_in
