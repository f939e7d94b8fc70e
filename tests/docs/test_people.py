"""The table of roles in the documentation is the one in the code."""

import re
from pathlib import Path

from evolution.people import Action, Role, allows

PAGE = (Path(__file__).parents[2] / "docs" / "people.md").read_text()


def test_every_role_and_action_is_documented_as_it_is() -> None:
    rows = {row[0]: row[1:] for row in (line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| "))}
    assert [name.strip("`") for name in rows["role"]] == [action.value for action in Action]
    for role in Role:
        assert rows[f"`{role.value}`"] == ["yes" if allows(role, action) else "no" for action in Action]
    described = PAGE.partition("| action |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", described, re.MULTILINE) == [action.value for action in Action]
