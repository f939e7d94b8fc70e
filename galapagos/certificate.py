"""Certificates: what was constructed, its exact value, who proved it how, and what was known before."""

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from evaluators.certification import Proved
from evaluators.confinement import HARNESS
from evaluators.machine import describe
from evolution.evaluation import Tier
from evolution.problem import Certificate, Definition, Direction, Known, Problem
from galapagos.failures import ExitCode, Failure

FORMAT = 1
_LIBRARIES = ("galapagos_exact", "galapagos_recheck")


def certificate_of(problem: Problem, keys: Certificate, proved: Proved, files: Mapping[str, str], tier: Tier) -> dict[str, Any]:
    """The certificate as plain data.

    `files` are those of the program, where there is one. Hashes are SHA-256 in hexadecimal; `made` is in UTC.
    """
    definition = problem.definition
    return {
        "format": FORMAT,
        "problem": definition.name,
        "title": definition.title,
        "statement": definition.statement.strip(),
        "direction": definition.score.direction.value,
        "unit": definition.score.unit,
        "exact": proved.exact,
        "score": proved.score,
        "method": proved.method,
        "compared": compared(definition, proved.score),
        "construction": proved.construction,
        "program": dict(files),
        "hashes": {
            "construction": _sha256(_canonical(proved.construction)),
            "problem": problem.revision,
            "judge": _sha256(problem.files[definition.judge]),
            "second_verifier": _sha256(problem.files[keys.verifier]),
            **{library: _library_hash(library) for library in _LIBRARIES},
            **{f"program/{name}": _sha256(text.encode()) for name, text in sorted(files.items())},
        },
        "confirmed_by": keys.verifier,
        "software": {"galapagos": version("galapagos"), **describe(tier)},
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def written(certificate: Mapping[str, Any]) -> str:
    """A certificate as JSON text, its construction on one line."""
    mark = "the construction goes here"
    text = json.dumps({**certificate, "construction": mark}, indent=1, ensure_ascii=False)
    return text.replace(f'"{mark}"', json.dumps(certificate["construction"]), 1) + "\n"


def compared(definition: Definition, score: float) -> list[dict[str, Any]]:
    """Every known value with its source, and whether the score is better, equal (to the digits that are listed) or worse."""
    return [
        {
            "name": known.name,
            "value": known.value,
            "source": known.source,
            "date": known.date,
            "recomputed": known.recomputed,
            "this_is": _standing(definition.score.direction, score, known),
        }
        for known in definition.known
    ]


def read_construction(path: Path) -> tuple[str, object] | None:
    """The problem's name and the construction of a certificate; None where the file is no JSON text.

    Raises:
        Failure: it is JSON, but no certificate that can be trusted to hold what was certified.
    """
    try:
        found: object = json.loads(path.read_text())
    except (UnicodeDecodeError, ValueError):
        return None
    wanted = ("format", "problem", "construction", "hashes")
    certificate = cast("dict[str, Any]", found) if isinstance(found, dict) else dict[str, Any]()
    if not certificate.keys() >= set(wanted) or certificate["format"] != FORMAT:
        raise Failure(
            f"{path}: expected a certificate of format {FORMAT} with {', '.join(wanted)}; name a program or a certificate",
            ExitCode.BAD_INPUT,
        )
    if certificate["hashes"].get("construction") != _sha256(_canonical(certificate["construction"])):
        raise Failure(
            f"{path}: the construction is not the one that was certified: its hash is another; certify its program again",
            ExitCode.BAD_INPUT,
        )
    return str(certificate["problem"]), certificate["construction"]


def _standing(direction: Direction, score: float, known: Known) -> str:
    """Listed values are rounded: what agrees with all of their digits is equal."""
    text = repr(known.value)
    digits = len(text.partition(".")[2]) if "e" not in text else 17
    difference = score - known.value
    if math.isclose(known.value, score, rel_tol=0, abs_tol=0.5 * 10.0**-digits) and not known.value.is_integer():
        return "equal"
    if difference == 0:
        return "equal"
    return "better" if (difference > 0) == (direction is Direction.MAXIMIZE) else "worse"


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _library_hash(name: str) -> str:
    """The hash of a library's files, by name and content."""
    digest = hashlib.sha256()
    for path in sorted((HARNESS / name).glob("*.py")):
        for part in (path.name.encode(), path.read_bytes()):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
