"""From what a loader found in a folder to a problem of ours."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import PurePosixPath
from typing import Any

from evolution.models import Model
from evolution.peers.mapping import Finding
from evolution.peers.packages import packages_of
from evolution.peers.secrets import without_keys
from evolution.problem import DEFINITION, PeerFormat, Problem, ProblemError, problem_from_files

ROOT = "peer"
"""The folder's place within the problem."""
TITLES = {
    PeerFormat.OPENEVOLVE: "OpenEvolve",
    PeerFormat.SHINKAEVOLVE: "ShinkaEvolve",
    PeerFormat.CODEEVOLVE: "CodeEvolve",
}
LANGUAGES = {".py": "python", ".c": "c", ".cpp": "cpp", ".cc": "cpp", ".cxx": "cpp"}
"""Suffixes of what mutation can change; every other program is text."""
MEMORY_MIB, PROCESSES, FILES_MIB = 4096, 64, 256
"""What candidate and evaluator may take together, where the settings say nothing."""
SLACK_S = 5.0
"""The sandbox waits so much longer than the evaluator may take, so that the clearer message comes first."""
LONGEST_TIMEOUT_S = 86400.0
JUDGE = '''"""Has the evaluator of a folder of {title} run in the candidate's box; written when the folder was read."""

from galapagos_peer_judge import peer_judge

evaluate = peer_judge({settings})
'''


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a folder's settings ask of a run; the command line goes before it."""

    evaluations: int | None = None
    seed: int | None = None
    islands: int | None = None
    inspirations: int | None = None


@dataclass(frozen=True, slots=True)
class WishedModel:
    """A model that a folder's settings name, and how often it is asked against the others.

    Where `base_variable` is given, that environment variable holds the endpoint's address instead of `model.base_url`.
    """

    model: Model
    weight: float
    base_variable: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """A folder of another system as a problem of ours, with a report of what became of its settings.

    `evaluator`, `program` and `settings` are paths within the folder; `settings` is None where there is no such file.
    `notes` are for people, each told once.
    """

    peer: PeerFormat
    problem: Problem
    evaluator: str
    program: str
    settings: str | None
    findings: tuple[Finding, ...]
    wishes: Wishes
    models: tuple[WishedModel, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis with the bounds that the folder's settings give."""

    feature: str
    low: float
    high: float
    cells: int


@dataclass(frozen=True, slots=True)
class Folder:
    """What a loader found. `box` are the settings of the judge beyond those that follow from the rest.

    `timeout_s` bounds one stage of the evaluator, of which it has at most `stages`; None means without a say.
    `directory` is where the evaluator works, within the folder.
    """

    peer: PeerFormat
    name: str
    files: Mapping[str, bytes]
    evaluator: str
    program: str
    settings: str | None
    findings: tuple[Finding, ...]
    statement: str
    score: str
    timeout_s: float
    stages: int
    box: Mapping[str, Any]
    directory: str = "."
    memory_mib: int | None = None
    longest_source: int | None = None
    axes: tuple[Axis, ...] = ()
    length_cells: int | None = None
    wishes: Wishes = Wishes()
    models: tuple[WishedModel, ...] = ()
    notes: tuple[str, ...] = ()


def imported(folder: Folder) -> Imported:
    """Make the problem.

    Raises:
        ProblemError: the program is no text, or something is out of the bounds of a problem.
    """
    packages, about = packages_of(folder.files, (folder.evaluator, folder.program))
    kept = {path: without_keys(path, content) for path, content in folder.files.items()}
    files = {f"{ROOT}/{path}": content for path, content in kept.items()}
    files[DEFINITION] = _definition(folder, packages).encode()
    files["judge.py"] = _judge(folder).encode()
    try:
        problem = problem_from_files(files)
    except ProblemError as error:
        raise ProblemError(f"{folder.name}, a folder of {TITLES[folder.peer]}: {error}") from None
    return Imported(
        peer=folder.peer,
        problem=problem,
        evaluator=folder.evaluator,
        program=folder.program,
        settings=folder.settings,
        findings=folder.findings,
        wishes=folder.wishes,
        models=folder.models,
        notes=(*folder.notes, *about),
    )


def _judge(folder: Folder) -> str:
    settings = {
        "root": ROOT,
        "format": folder.peer.value,
        "evaluator": folder.evaluator,
        "main": f"{ROOT}/{folder.program}",
        "suffix": PurePosixPath(folder.program).suffix,
        "cwd": folder.directory,
        "seconds": folder.timeout_s,
        "score": folder.score,
        "mean": False,
        "dimensions": [],
        "features": [axis.feature for axis in folder.axes],
        **folder.box,
    }
    lines = "".join(f"    {name!r}: {value!r},\n" for name, value in settings.items())
    return JUDGE.format(title=TITLES[folder.peer], settings=f"{{\n{lines}}}")


def _definition(folder: Folder, packages: Sequence[str]) -> str:
    title = TITLES[folder.peer]
    text = folder.files[folder.program].decode("utf-8", "replace")
    language = LANGUAGES.get(PurePosixPath(folder.program).suffix.lower(), "text")
    tables = [
        *_axes(folder),
        f'[[stages]]\nname = "evaluator"\ntimeout_s = {min(folder.timeout_s * folder.stages + SLACK_S, LONGEST_TIMEOUT_S)!r}',
        f"[environment]\npackages = {_toml(list(packages))}",
        f"[limits]\nmemory_mib = {folder.memory_mib or MEMORY_MIB}\nprocesses = {PROCESSES}\nfiles_mib = {FILES_MIB}\n"
        f"source_kib = {_source_kib(folder.longest_source, len(text))}",
    ]
    head = [
        f"name = {_toml(_name(folder.name))}",
        f"title = {_toml(f'{folder.name} ({title})')}",
        f"statement = {_toml(_statement(folder, text))}",
        f"language = {_toml(language)}",
        f"seed = {_toml([f'{ROOT}/{folder.program}'])}",
        f"peer = {_toml(folder.peer.value)}",
        f"score = {{ name = {_toml(folder.score)} }}",
    ]
    return "\n".join([*head, *tables]) + "\n"


def _statement(folder: Folder, text: str) -> str:
    whole = (
        ""
        if "EVOLVE-BLOCK-START" in text
        else "\n\nThe program has no EVOLVE-BLOCK markers: all of it may change. Answer without markers."
    )
    return f"{folder.statement.strip() or f'Improve the program: a larger {folder.score} is better.'}{whole}"


def _axes(folder: Folder) -> list[str]:
    cells = folder.length_cells or 12
    length = f'feature = "length"\nlow = 100.0\nhigh = 10000.0\ncells = {cells}\nscale = "log"'
    literals = 'feature = "literals"\nlow = 1.0\nhigh = 64.0\ncells = 8\nscale = "log"'
    own = [
        f"feature = {_toml(axis.feature)}\nlow = {axis.low!r}\nhigh = {axis.high!r}\ncells = {axis.cells}"
        for axis in folder.axes
    ]
    return [f"[[axes]]\n{text}" for text in (own or [length, literals])]


def _source_kib(longest: int | None, now: int) -> int:
    return min(1024, max(ceil((longest or 64 * 1024) / 1024), ceil(now / 1024), 1))


def _name(name: str) -> str:
    plain = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")
    return (plain if plain[:1].isalpha() else f"p_{plain}")[:64].rstrip("_") or "problem"


def _toml(value: str | list[str]) -> str:
    """JSON strings and lists of them are TOML too, but for the delete character."""
    return json.dumps(value).replace("\x7f", "\\u007f")
