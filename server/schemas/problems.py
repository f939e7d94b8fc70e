"""Problems as they are sent and answered."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Base64Bytes, ConfigDict, Field, model_validator

from evolution.problem import Definition, Direction, PeerFormat
from server.schemas.base import Answer, Body, shown

TOY = {
    "problem.toml": {"text": 'name = "parabola"\ntitle = "The lowest point"\nstatement = "Return x."\nseed = ["program.py"]\n'},
    "program.py": {"text": "# EVOLVE-BLOCK-START\ndef answer():\n    return 1.0\n# EVOLVE-BLOCK-END\n"},
    "judge.py": {"text": 'def evaluate(candidate, context):\n    return {"score": -(candidate.call("answer") - 3.2) ** 2}\n'},
}
_PARABOLA = Definition(name="parabola", title="The lowest point", statement="Return x.", seed=("program.py",))
REVISION = "5f0c0cf1d6aa2a4f0e2f7f9e9c6c8f0d7b9f4b5f7a0d1c2b3a4958675645342f"


class FileContent(Body):
    """The content of one file: `text`, or any bytes as `base64`."""

    text: str | None = None
    base64: Base64Bytes | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.text is None) == (self.base64 is None):
            raise ValueError("expected either text or base64")
        return self

    @property
    def content(self) -> bytes:
        """The bytes."""
        return self.base64 if self.base64 is not None else (self.text or "").encode()


class ProblemUpload(Body):
    """A problem's folder, path to content (docs/problem-format.md)."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({"files": TOY}))

    files: Annotated[dict[str, FileContent], Field(min_length=1)]


class TranslatedSetting(Answer):
    """A setting of another system's folder, what was done with it, and what it became."""

    key: str
    treatment: str
    becomes: str


class Translation(Answer):
    """What became of a folder of another system. The wishes are what its settings ask of a run; they are not applied."""

    format: PeerFormat
    evaluator: str
    program: str
    settings: str | None
    findings: list[TranslatedSetting]
    notes: list[str]
    wished_evaluations: int | None
    wished_seed: int | None
    wished_islands: int | None
    wished_inspirations: int | None
    wished_models: list[str]


class UploadedProblem(Answer):
    """A problem that the project knows now. `length` and `literals` are those of the seed's evolvable text."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "revision": REVISION,
                "project": 1,
                "name": "parabola",
                "title": "The lowest point",
                "new": True,
                "score_isolated": True,
                "files": 3,
                "length": 32,
                "literals": 1,
                "warnings": [],
                "translation": None,
            }
        ),
    )

    revision: str
    project: int
    name: str
    title: str
    new: bool = Field(description="whether the project did not know it before")
    score_isolated: bool
    files: int
    length: int
    literals: int
    warnings: list[str]
    translation: Translation | None


class ProblemLine(Answer):
    """A problem in a list: one revision that a project knows, since when, and what its runs in that project came to.

    Scores are raw.
    """

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "revision": REVISION,
                "project": 1,
                "name": "parabola",
                "title": "The lowest point",
                "created_at": "2026-03-01T12:00:00Z",
                "direction": "maximize",
                "unit": "",
                "best_known": 0.0,
                "runs": 3,
                "best_run": 7,
                "best_score": -0.0004,
            }
        ),
    )

    revision: str
    project: int
    name: str
    title: str
    created_at: datetime
    direction: Direction
    unit: str
    best_known: float | None = Field(description="the best of the values that the problem names for comparison")
    runs: int
    best_run: int | None = Field(description="the run that has the best score of all of them")
    best_score: float | None


class ProblemFile(Answer):
    """A file of a problem, and its length."""

    path: str
    bytes: int


class ProblemDetail(Answer):
    """One revision of a problem. Hidden stages are left out for who may not inspect."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "revision": REVISION,
                "projects": [1],
                "created_at": "2026-03-01T12:00:00Z",
                "definition": _PARABOLA.model_dump(mode="json"),
                "files": [{"path": "problem.toml", "bytes": 310}, {"path": "program.py", "bytes": 92}],
            }
        ),
    )

    revision: str
    projects: list[int] = Field(description="those of yours that know it")
    created_at: datetime
    definition: Definition
    files: list[ProblemFile]
