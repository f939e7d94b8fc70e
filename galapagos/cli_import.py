"""The command that shows how a folder of another system is understood."""

import json
import sys
from pathlib import Path
from typing import Any

from evolution.peers.translation import TITLES, Imported
from evolution.problem import ProblemError
from galapagos import options
from galapagos.adaption import about
from galapagos.problem_folder import find_problem_folder, open_problem_folder


def import_folder(problem: options.ProblemArgument, as_json: options.JsonOption = False) -> None:
    """Show what a folder of OpenEvolve, ShinkaEvolve or CodeEvolve becomes, key by key; nothing is run or written."""
    folder = find_problem_folder(problem)
    found = open_problem_folder(folder)
    if not isinstance(found, Imported):
        names = ", ".join(TITLES.values())
        raise ProblemError(f"{folder} is a problem of ours already; expected a folder of {names}; galapagos check looks at it")
    sys.stdout.write((json.dumps(_as_json(found), ensure_ascii=False) if as_json else _as_text(found, folder)) + "\n")


def _as_json(found: Imported) -> dict[str, Any]:
    definition = found.problem.definition
    return {
        "format": found.peer.value,
        "problem": definition.name,
        "revision": found.problem.revision,
        "evaluator": found.evaluator,
        "program": found.program,
        "settings": found.settings,
        "language": definition.language.value,
        "score_isolated": definition.score_isolated,
        "score": definition.score.name,
        "timeout_s": definition.stages[0].timeout_s,
        "packages": list(definition.environment.packages),
        "models": [wished.model.name for wished in found.models],
        "keys": [
            {"key": finding.key, "treatment": finding.treatment.value, "becomes": finding.becomes} for finding in found.findings
        ],
        "notes": list(found.notes),
    }


def _as_text(found: Imported, folder: Path) -> str:
    definition = found.problem.definition
    width = max((len(finding.key) for finding in found.findings), default=0)
    lines = [
        f"{folder}: {about(found)}",
        f"  problem    {definition.name}, language {definition.language.value}",
        f"  score      {definition.score.name}, at most {definition.stages[0].timeout_s:g} s",
        f"  packages   {', '.join(definition.environment.packages) or 'none beside numpy'}",
        f"  models     {', '.join(wished.model.name for wished in found.models) or 'none named'}",
        f"  settings   {found.settings or 'none found'}",
    ]
    lines += [f"    {finding.key:{width}}  {finding.treatment.value:10}  {finding.becomes}" for finding in found.findings]
    lines += [f"  note       {note}" for note in found.notes]
    return "\n".join([*lines, f"galapagos run {folder} evolves it"])
