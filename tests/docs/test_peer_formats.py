"""The tables of keys are those of the loaders."""

import re
from pathlib import Path

import pytest

from evolution.peers import codeevolve, openevolve, shinkaevolve, translation
from evolution.peers.mapping import Treatment
from evolution.peers.packages import WELL_KNOWN
from evolution.peers.recognition import LOADERS
from evolution.problem import PeerFormat

PAGE = (Path(__file__).parents[2] / "docs" / "peer-formats.md").read_text()


@pytest.mark.parametrize("peer", list(PeerFormat))
def test_every_key_stands_in_its_table_as_the_loader_treats_it_and_no_other(peer: PeerFormat) -> None:
    section = PAGE.partition(f"### Keys of {translation.TITLES[peer]}\n")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \| (.*) \|$", section, re.MULTILINE)
    real = [(key, rule.treatment.value, rule.becomes) for key, rule in LOADERS[peer].KEYS.items()]
    assert rows == real


def test_every_treatment_limit_and_package_is_named() -> None:
    assert [treatment.value for treatment in Treatment if f"*{treatment.value}*:" not in PAGE] == []
    assert [package for package in WELL_KNOWN.values() if package not in PAGE] == []
    limits = (
        f"{translation.MEMORY_MIB} MiB of memory, {translation.PROCESSES} processes and threads, {translation.FILES_MIB} MiB"
    )
    assert limits in PAGE
    for loader, name in ((openevolve, "OpenEvolve"), (shinkaevolve, "ShinkaEvolve"), (codeevolve, "CodeEvolve")):
        assert f"{loader.TIMEOUT_S:.0f} s ({name})" in PAGE
