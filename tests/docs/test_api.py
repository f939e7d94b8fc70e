"""What docs/api.md says of routes and failures is what the service does."""

import re
from pathlib import Path

from server.app import create_app
from server.problem_details import TYPES
from server.settings import ServerSettings

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
DESCRIPTION = create_app(ServerSettings(database_url="postgresql://user@host/name")).openapi()


def test_every_route_is_documented_and_no_other() -> None:
    real = {f"{method.upper()} {path}" for path, operations in DESCRIPTION["paths"].items() for method in operations}
    documented = re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", PAGE, re.MULTILINE)
    assert len(set(documented)) == len(documented)
    assert {re.sub(r"\{path:path\}", "{path}", route) for route in real} == set(documented)


def test_every_failure_is_documented() -> None:
    section = PAGE.partition("## Failures")[2].partition("\n## ")[0]
    documented = {int(status) for status in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    operations = [operation for path in DESCRIPTION["paths"].values() for operation in path.values()]
    described = {int(status) for operation in operations for status in operation["responses"] if int(status) >= 400}
    assert described <= documented <= set(TYPES)


def test_every_parameter_of_a_list_is_documented() -> None:
    for path, operations in DESCRIPTION["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", []):
            if parameter["in"] == "query" and parameter["name"] not in {"limit", "cursor"}:
                assert f"`{parameter['name']}`" in PAGE, (path, parameter["name"])
