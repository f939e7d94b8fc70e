"""The judge of a construction: one function of the candidate returns data, from which all else is computed here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from galapagos_judge import Candidate, Context


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proved of a construction.

    `score` is the double nearest to the exact value, which `exact` says as text (a whole number, a fraction, or a formula
    of such). `construction` is plain data that has exactly this value: given as an answer it is proved as it is.
    """

    score: float
    exact: str
    construction: Any
    feedback: str
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    features: Mapping[str, float] = field(default_factory=dict[str, float])


class Construction(Protocol):
    """A kind of mathematical object with a value. `method` says in words how the value is proved."""

    method: str

    def prove(self, answer: object) -> Proof:
        """The proof for what a candidate returned.

        Raises:
            Rejected: it is no such object, and cannot be made one by giving something away.
        """
        ...

    def draw(self, proof: Proof) -> str:
        """The construction as SVG text."""
        ...


class Judge:
    """The three functions that a judge of a construction needs: `evaluate`, `picture` and `artifact`."""

    def __init__(self, kind: Construction, function: str = "construct") -> None:
        self._kind = kind
        self._function = function

    def evaluate(self, candidate: Candidate, _context: Context) -> dict[str, object]:
        """Score what the candidate's function returns."""
        proof = self._proof(candidate)
        return {
            "score": proof.score,
            "metrics": dict(proof.metrics),
            "features": dict(proof.features),
            "feedback": proof.feedback,
        }

    def picture(self, candidate: Candidate, _context: Context) -> str:
        """The construction as SVG text."""
        return self._kind.draw(self._proof(candidate))

    def artifact(self, candidate: Candidate, _context: Context) -> str:
        """The exact construction with its value, as JSON text: what a certificate is made of."""
        proof = self._proof(candidate)
        return json.dumps(
            {"construction": proof.construction, "exact": proof.exact, "score": proof.score, "method": self._kind.method}
        )

    def _proof(self, candidate: Candidate) -> Proof:
        return self._kind.prove(candidate.call(self._function))
