"""The kinds of weakness that an audit looks for in a judge, and what an audit has found."""

from dataclasses import dataclass, field
from enum import StrEnum

from evolution.evaluation import Tier


class Weakness(StrEnum):
    """What a judge may be weak in. docs/problems.md has a chapter for each."""

    BROKEN = "broken"
    VALUES = "values"
    CONSTANTS = "constants"
    ECHOES = "echoes"
    MEMORY = "memory"
    CLAIMS = "claims"
    TOLERANCE = "tolerance"
    COVERAGE = "coverage"
    METAMORPHIC = "metamorphic"
    DETERMINISM = "determinism"
    SIZE = "size"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Advice:
    """`tries`: what is tried; `why`: why it is a hole if the judge falls for it; `do`: what to do then."""

    tries: str
    why: str
    do: str


ADVICE = {
    Weakness.BROKEN: Advice(
        "programs that do not load, raise, end their process, or fail in some of their calls",
        "a failure became a number: search will prefer programs that fail where the problem is hard",
        "let CandidateError pass, or give every instance that failed the worst value, and never leave it out of a mean",
    ),
    Weakness.VALUES: Advice(
        "values of wrong types, NaN, infinity, booleans and enormous numbers, in the answer's place and within it",
        "what is no answer was not refused, or it broke the judge",
        "read the answer strictly first (galapagos_exact.answers, or exact types, shapes and np.isfinite), then compute; "
        "write comparisons so that NaN fails them: `if not error <= limit`",
    ),
    Weakness.CONSTANTS: Advice(
        "zeros, constants, one element only, one element many times",
        "an answer without content is worth as much as the seed's",
        "compare with what the inputs ask for, count different elements only, and list the trivial value among the known ones",
    ),
    Weakness.ECHOES: Advice(
        "the arguments given back as the answer",
        "the judge looks at properties that the input has already",
        "check that the answer follows from the input: recompute it, or test the relation of the two",
    ),
    Weakness.MEMORY: Advice(
        "answers of another draw, answers of an earlier call, and whether draws differ at all",
        "answers can be learned by heart: a table of literals scores as well as a program",
        "draw every instance from context.rng, check each answer against its own input, and time no input twice",
    ),
    Weakness.CLAIMS: Advice(
        "a better value where the answer states its own",
        "the score is what the candidate says, not what the judge computed",
        "compute the score from the construction alone; do not read, and do not even compare, a claimed value",
    ),
    Weakness.TOLERANCE: Advice(
        "answers changed so little that constraints are just violated, and scaled far where scale should not matter",
        "search lives in what is tolerated: a record that violates its constraints by a little is none",
        "project or shrink into the feasible set first, then compare exactly, in whole numbers or fractions (galapagos_exact)",
    ),
    Weakness.COVERAGE: Advice(
        "a wrong number at single places of long answers, and numbers of low precision",
        "parts of the answer are not looked at: they need not be computed",
        "compare every element, with a limit from the error of a plain computation (galapagos_timing.require_accuracy)",
    ),
    Weakness.METAMORPHIC: Advice(
        "the same program with comments, other names and unused code; the same answer in another order or form",
        "what does not matter changes the score: search will optimise it",
        "score what the answer is, not how it is written; sort what has no order before you look at it",
    ),
    Weakness.DETERMINISM: Advice(
        "the same program several times, on equal and on other draws",
        "the score is partly luck, and the search keeps the lucky",
        "take all randomness from context.rng; where no input is given, prove instead of sampling",
    ),
    Weakness.SIZE: Advice(
        "answers of a hundred thousand elements, of 32 MB, and texts of as many digits",
        "a large answer breaks or delays the judge, or is worth more for its size",
        "bound the number of elements and digits before anything is computed from them",
    ),
    Weakness.WORDS: Advice(
        "the texts with which answers were refused",
        "people and language models cannot learn from a refusal that says nothing",
        "say what was expected and what came",
    ),
}


@dataclass(frozen=True, slots=True)
class Probed:
    """One probe: what was tried, whether the judge held, and if not what it said, why that is a hole and what to do."""

    weakness: Weakness
    probe: str
    held: bool
    said: str = ""
    why: str = ""
    do: str = ""


@dataclass(slots=True)
class AuditReport:
    """What an audit found.

    `seed_score` is in the problem's own unit; `spread` the largest less the smallest of its scores on equal draws;
    `left_out` maps a weakness to why nothing, or not everything, could be tried; `errors` say why there was no audit.
    """

    tier: Tier
    probed: list[Probed] = field(default_factory=list[Probed])
    left_out: dict[Weakness, str] = field(default_factory=dict[Weakness, str])
    errors: list[str] = field(default_factory=list[str])
    seed_score: float | None = None
    spread: float = 0.0

    @property
    def holes(self) -> list[Probed]:
        """The probes that the judge fell for."""
        return [probed for probed in self.probed if not probed.held]

    @property
    def strength(self) -> float | None:
        """The share of the probes that the judge held, from 0 to 1; None if there were none."""
        return sum(probed.held for probed in self.probed) / len(self.probed) if self.probed else None

    def tally(self, weakness: Weakness) -> tuple[int, int]:
        """How many probes of a weakness were held, and how many there were."""
        of = [probed.held for probed in self.probed if probed.weakness is weakness]
        return sum(of), len(of)
