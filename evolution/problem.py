"""A problem: a seed program, a judge that scores candidates, and the frame in which they are compared."""

import hashlib
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evolution.language import LANGUAGES, Language

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
DEFINITION = "problem.toml"
MOST_GPUS = 1
"""Of one stage."""


class ProblemError(ValueError):
    """A problem folder is not usable. The text says which file and key, what was expected, what came, what to do."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PeerFormat(StrEnum):
    """The other systems whose problem folders run here unchanged."""

    OPENEVOLVE = "openevolve"
    SHINKAEVOLVE = "shinkaevolve"
    CODEEVOLVE = "codeevolve"


class Direction(StrEnum):
    """Whether a better score is a larger or a smaller one."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


class Scale(StrEnum):
    """How an axis is cut into cells: equal differences or equal ratios."""

    LINEAR = "linear"
    LOG = "log"


class Score(_Table):
    """The number that programs are compared by. `unit` and `name` are for people."""

    name: str = "score"
    unit: str = ""
    direction: Direction = Direction.MAXIMIZE

    @property
    def sign(self) -> float:
        """1.0 or -1.0: recorded score = sign x raw score, so that within the search higher is always better."""
        return 1.0 if self.direction is Direction.MAXIMIZE else -1.0


class FeatureAxis(_Table):
    """One axis of the archive with *fixed* bounds: values outside are clipped into the first or the last cell.

    `feature` names a number that the judge returns in `features`, or one of the two that every program has:
    `length` (characters of evolvable text) and `literals` (numeric literals in it).
    """

    feature: Name
    low: Finite
    high: Finite
    cells: Annotated[int, Field(ge=1, le=256)]
    scale: Scale = Scale.LINEAR

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, got {self.low} and {self.high}")
        if self.scale is Scale.LOG and self.low <= 0:
            raise ValueError(f"a log axis needs low above 0, got {self.low}")
        return self


class Gate(_Table):
    """A stage is passed only if `metric` lies within the bounds that are given."""

    metric: Name
    at_least: Finite | None = None
    at_most: Finite | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("a gate needs at_least, at_most or both")
        return self


class Stage(_Table):
    """One step of the evaluation cascade: the judge's function `entry`, called `repeats` times with fresh seeds.

    The score of an evaluation is that of the last stage that is not hidden (mean over repeats). Hidden stages run
    only when a champion is verified; their metrics are shown to people, never to a language model.
    `timeout_s` bounds one repeat's wall time, compilation included. A stage with `gpus = 1` holds a device for itself;
    the judge's box can use it too with `judge_gpu`.
    """

    name: Name
    entry: Name = "evaluate"
    timeout_s: Annotated[float, Field(gt=0, le=86400)] = 10.0
    repeats: Annotated[int, Field(ge=1, le=100)] = 1
    hidden: bool = False
    gpus: Annotated[int, Field(ge=0, json_schema_extra={"maximum": MOST_GPUS})] = 0
    judge_gpu: bool = False
    gates: tuple[Gate, ...] = ()

    @model_validator(mode="after")
    def _one_gpu(self) -> Self:
        if self.gpus > MOST_GPUS:
            raise ValueError(f"a stage can hold {MOST_GPUS} GPU at most, got gpus = {self.gpus}; set it to 0 or 1")
        if self.judge_gpu and not self.gpus:
            raise ValueError("judge_gpu needs a stage that holds a GPU; set gpus = 1, or remove judge_gpu")
        return self


class Environment(_Table):
    """What candidate and judge may import: Python with numpy, and these packages, resolved once and locked by hash."""

    packages: tuple[str, ...] = ()
    judge_packages: tuple[str, ...] = ()


class Limits(_Table):
    """What one candidate may take. `processes` counts threads too; `files_mib` is its writable temporary space."""

    memory_mib: Annotated[int, Field(ge=64, le=1 << 20)] = 1024
    processes: Annotated[int, Field(ge=1, le=4096)] = 16
    files_mib: Annotated[int, Field(ge=1, le=1 << 16)] = 64
    source_kib: Annotated[int, Field(ge=1, le=1024)] = 64


class Mutation(_Table):
    """What mutation without a language model may use: expressions that it may insert, as Python source."""

    vocabulary: tuple[str, ...] = ()


class Verification(_Table):
    """How a champion is verified: each public stage is repeated `repeats` times as often, on fresh seeds."""

    repeats: Annotated[int, Field(ge=1, le=100)] = 1


class Certificate(_Table):
    """How a construction is certified.

    The construction is what the candidate's `function` returns; the judge's function `artifact` gives it exactly, as JSON
    text, and the file `verifier` proves its value a second time.
    """

    function: Name = "construct"
    artifact: Name = "artifact"
    verifier: str = "verifier.py"


class Known(_Table):
    """A reference value of the score (raw, in the problem's unit), shown as a line beside the run."""

    name: str
    value: Finite
    source: str
    date: str = ""
    recomputed: bool = False


class Definition(_Table):
    """The content of problem.toml; an unknown key is an error, never ignored.

    `seed` names the evolvable files, the first of which holds the functions that the judge calls. `judge` is the
    file that scores; `picture` is a function of it that returns a champion's picture as SVG text. `peer` says that the
    problem was translated from another system's folder, whose evaluator imports the candidate: both run in one box.
    """

    name: Name
    title: str
    statement: str
    language: Language = Language.PYTHON
    seed: tuple[str, ...]
    judge: str = "judge.py"
    picture: Name | None = None
    score: Score = Score()
    axes: Annotated[tuple[FeatureAxis, ...], Field(max_length=4)] = (
        FeatureAxis(feature="length", low=100, high=10_000, cells=12, scale=Scale.LOG),
        FeatureAxis(feature="literals", low=1, high=64, cells=8, scale=Scale.LOG),
    )
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)] = (Stage(name="score"),)
    environment: Environment = Environment()
    limits: Limits = Limits()
    mutation: Mutation = Mutation()
    verification: Verification = Verification()
    certificate: Certificate | None = None
    known: tuple[Known, ...] = ()
    peer: PeerFormat | None = None

    @property
    def score_isolated(self) -> bool:
        """Whether the score is made where the candidate cannot reach it."""
        return self.peer is None

    @property
    def gpus(self) -> int:
        """How many GPUs an evaluator must have: the most that a stage asks for, hidden ones included."""
        return max(stage.gpus for stage in self.stages)

    @property
    def always_gpu(self) -> bool:
        """Whether every stage holds one, so that boxes without are never used."""
        return all(stage.gpus for stage in self.stages)

    @property
    def judge_gpu(self) -> bool:
        """Whether the judge's box can use the device of some stage."""
        return any(stage.judge_gpu for stage in self.stages)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names):
            raise ValueError(f"stage names must differ, got {names}")
        if all(stage.hidden for stage in self.stages):
            raise ValueError("at least one stage must not be hidden: the score comes from the last public one")
        if self.language is Language.TEXT and self.peer is None:
            raise ValueError("language 'text' is for folders of other systems (peer), whose evaluators run the program")
        if not self.seed or len(set(self.seed)) != len(self.seed):
            raise ValueError(f"seed must name at least one evolvable file, each once, got {list(self.seed)}")
        return self


class Problem(_Table):
    """A definition with every file of its folder, and their common hash.

    `files` maps relative POSIX paths to bytes. `revision` is the hex SHA-256 over all paths and contents:
    another byte anywhere is another revision.
    """

    definition: Definition
    files: Mapping[str, bytes]
    revision: str

    @property
    def seed_files(self) -> dict[str, str]:
        """The evolvable files of the seed program, path to text."""
        return {path: self.files[path].decode() for path in self.definition.seed}


def problem_from_files(files: Mapping[str, bytes]) -> Problem:
    """Validate a problem folder given as path to content.

    Raises:
        ProblemError: for every flaw that can be seen without running code.
    """
    if DEFINITION not in files:
        raise ProblemError(f"expected a file {DEFINITION}; got {', '.join(sorted(files)[:8]) or 'an empty folder'}")
    for path in files:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or str(pure) != path:
            raise ProblemError(f"file paths must be relative, normal and without '..': got {path!r}")
    definition = _definition(files[DEFINITION])
    _check_files(definition, files)
    return Problem(definition=definition, files=dict(files), revision=_revision(files))


def _definition(content: bytes) -> Definition:
    try:
        table: dict[str, Any] = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ProblemError(f"{DEFINITION} is not valid TOML: {error}") from None
    try:
        return Definition.model_validate(table)
    except ValidationError as error:
        raise ProblemError("\n".join(_complaint(item) for item in error.errors())) from None


def _complaint(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"]) or "(top level)"
    if item["type"] == "extra_forbidden":
        return f"{DEFINITION}: unknown key {where!r}; remove it or correct its name (docs/problem-format.md lists all keys)"
    return f"{DEFINITION}: {where}: {item['msg']}; got {item['input']!r}"[:500]


def _check_files(definition: Definition, files: Mapping[str, bytes]) -> None:
    named = [*definition.seed, definition.judge]
    if definition.certificate is not None:
        named.append(definition.certificate.verifier)
    for path in named:
        if path not in files:
            raise ProblemError(f"{DEFINITION} names {path!r}, which is not in the folder; add it or correct the name")
    traits = LANGUAGES[definition.language]
    if not definition.seed[0].endswith(traits.suffixes):
        raise ProblemError(
            f"{DEFINITION}: expected the first file of seed to be a source in {traits.title} ({', '.join(traits.suffixes)}); "
            f"got {definition.seed[0]!r}; correct its name, or set language (docs/problem-format.md lists all)"
        )
    size = 0
    for path in definition.seed:
        try:
            text = files[path].decode()
        except UnicodeDecodeError as error:
            raise ProblemError(f"{path}: evolvable files must be UTF-8 text: {error}") from None
        size += len(text)
        if definition.peer is None and ("EVOLVE-BLOCK-START" not in text or "EVOLVE-BLOCK-END" not in text):
            raise ProblemError(
                f"{path}: expected at least one pair of comment lines {traits.comment} EVOLVE-BLOCK-START and "
                f"{traits.comment} EVOLVE-BLOCK-END around the text that may change; got none; add them, or remove "
                f"{path!r} from seed"
            )
    if size > definition.limits.source_kib * 1024:
        raise ProblemError(f"the seed has {size} characters; limits.source_kib allows {definition.limits.source_kib} KiB")


def _revision(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        for part in (path.encode(), files[path]):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()
