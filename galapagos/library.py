"""The built-in problems as a list: what each is, what it costs, what is known and what was reached here."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolution.problem import Definition, Direction
from galapagos.problem_folder import BUILT_IN, built_in_problems, read_problem_folder

LISTING = BUILT_IN / "listing.toml"
RESULTS = BUILT_IN / "results"


@dataclass(frozen=True, slots=True)
class Listed:
    """One built-in problem.

    `kind` is mathematics, optimizer or kernel; `hardware` what an evaluation needs; `cost_ms` the processor time of one
    evaluation of the seed in milliseconds (`python -m benchmarks.problem_costs`). `best_known` is the best of the known values,
    `our_best` the best score reached with Galapagos, `certificate` the file that proves it; None where there is none.
    """

    definition: Definition
    kind: str
    hardware: str
    cost_ms: float
    best_known: float | None
    our_best: float | None
    certificate: Path | None

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "name": self.definition.name,
            "title": self.definition.title,
            "kind": self.kind,
            "language": self.definition.language.value,
            "hardware": self.hardware,
            "cost_ms": self.cost_ms,
            "direction": self.definition.score.direction.value,
            "unit": self.definition.score.unit,
            "best_known": self.best_known,
            "our_best": self.our_best,
            "certificate": None if self.certificate is None else str(self.certificate),
        }


def listed_problems() -> list[Listed]:
    """All built-in problems, by kind and name."""
    entries: dict[str, dict[str, Any]] = tomllib.loads(LISTING.read_text())
    found = [_listed(read_problem_folder(folder).definition, entries[folder.name]) for folder in built_in_problems()]
    return sorted(found, key=lambda listed: (listed.kind, listed.definition.name))


def _listed(definition: Definition, entry: dict[str, Any]) -> Listed:
    certificate = RESULTS / f"{definition.name}.certificate.json"
    proved: float | None = json.loads(certificate.read_text())["score"] if certificate.exists() else None
    return Listed(
        definition=definition,
        kind=entry["kind"],
        hardware=entry["hardware"],
        cost_ms=entry["cost_ms"],
        best_known=_best_known(definition),
        our_best=entry.get("our_best") if proved is None else proved,
        certificate=None if proved is None else certificate,
    )


def _best_known(definition: Definition) -> float | None:
    values = [known.value for known in definition.known]
    if not values:
        return None
    return max(values) if definition.score.direction is Direction.MAXIMIZE else min(values)
