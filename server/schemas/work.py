"""What people and agents are asked in a model's place, and what they send."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field

from database import assignments
from database.assignments import LONGEST_ANSWER
from evolution.assignment import AssignmentState
from evolution.evaluation import Verdict
from evolution.models import Message
from evolution.proposal import Operator, ProposalState, Refusal
from server.schemas.base import LARGEST_ID, Answer, Body, Id, Number, shown

LONGEST_WAIT_S = 30
SHORTEST_LEASE_S = 5
LONGEST_LEASE_S = 86_400
ANSWER_FORMAT = """Answer in words of your own and one of these, whatever the prompt asks for:
1. Edits: blocks `<<<<<<< SEARCH`, lines copied exactly, `=======`, lines, `>>>>>>> REPLACE`. Each SEARCH part must occur
   exactly once within the EVOLVE-BLOCKs.
2. A unified diff.
3. The whole program, or the whole content of its only EVOLVE-BLOCK, in one fence.
Only text within EVOLVE-BLOCKs may change. Where the program has several files, a line `### path` stands before what is meant
for each."""
_LEASE = {"lease": 1207}

LeaseSeconds = Annotated[
    float, Field(ge=SHORTEST_LEASE_S, le=LONGEST_LEASE_S, description="seconds that the lease lasts, from now on")
]
LeaseToken = Annotated[int, Field(ge=1, le=LARGEST_ID, description="`lease` of the assignment, as it was leased")]


class WorkWanted(Body):
    """What is asked for: anything, or only what a run, or one of its models of kind `people`, asks."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({"run": 12, "wait_s": 30, "lease_s": 900}))

    run: Id | None = None
    model: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    wait_s: Annotated[float, Field(ge=0, le=LONGEST_WAIT_S, description="seconds to wait where there is nothing")] = 0
    lease_s: LeaseSeconds = 900


class HeldLease(Body):
    """The lease under which something is done."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown(_LEASE))

    lease: LeaseToken


class ExtendedLease(HeldLease):
    """How long the lease is to last."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({**_LEASE, "lease_s": 900}))

    lease_s: LeaseSeconds = 900


class GivenAnswer(HeldLease):
    """The answer, in words and one of the forms of `answer_format`."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra=shown({**_LEASE, "text": "Further out.\n```python\ndef answer():\n    return 3.0\n```"}),
    )

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_ANSWER)]


OUTCOME: dict[str, Any] = {
    "id": 31,
    "run": 12,
    "proposal": 57,
    "model": "team",
    "state": "answered",
    "created_at": "2026-11-21T09:30:00Z",
    "expires_at": "2026-11-22T09:30:00Z",
    "answered_at": "2026-11-21T09:41:12Z",
    "proposal_state": "refused",
    "refusal": "did_not_apply",
    "detail": "block 1: its SEARCH part does not occur in program.py",
    "program": None,
    "repeats": False,
    "verdict": None,
    "score": None,
}


class AssignmentOutcome(Answer):
    """What became of an assignment.

    The proposal is `queued` again once the answer is stored, until a worker reads it: then it is `refused`, for a reason, or
    `answered` by a program, which is judged next. `repeats`: the program was there before, by another answer.
    """

    model_config = ConfigDict(frozen=True, json_schema_extra=shown(OUTCOME))

    id: Id
    run: Id
    proposal: Number
    model: str
    state: AssignmentState
    created_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    proposal_state: ProposalState
    refusal: Refusal | None
    detail: str | None = Field(description="why it was refused, in words")
    program: Number | None
    repeats: bool
    verdict: Verdict | None
    score: float | None = Field(description="in the problem's own direction and unit")

    @classmethod
    def of(cls, found: assignments.Outcome) -> Self:
        """As the service tells it."""
        told = cls.model_validate(found, from_attributes=True)
        if found.repeats and not found.detail:
            return told.model_copy(update={"detail": f"it repeats program {found.program}; change something else"})
        return told


class ParentProgram(Answer):
    """The program to be changed: its files, path to text."""

    number: Number
    files: dict[str, str]


class Assignment(Answer):
    """What is asked, under a lease.

    `messages` is the whole prompt, as a model would get it, and names the form of answer that fits best. The lease ends at
    `lease_until`; at `expires_at` nobody's answer is taken any more. `earlier` is what became of the newest answers that came
    to this run by the same token, newest first.
    """

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "id": 32,
                "lease": 1207,
                "lease_until": "2026-11-21T10:00:00Z",
                "expires_at": "2026-11-22T09:45:00Z",
                "run": 12,
                "project": 1,
                "problem": "5f0c0cf1d6aa2a4f0e2f7f9e9c6c8f0d7b9f4b5f7a0d1c2b3a4958675645342f",
                "problem_name": "parabola",
                "proposal": 61,
                "model": "team",
                "operator": "diff",
                "parent": {"number": 17, "files": {"program.py": "# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n"}},
                "messages": [{"role": "user", "content": "# The problem\n\n..."}],
                "answer_format": ANSWER_FORMAT,
                "earlier": [OUTCOME],
            }
        ),
    )

    id: Id
    lease: LeaseToken
    lease_until: datetime
    expires_at: datetime
    run: Id
    project: Id
    problem: str
    problem_name: str
    proposal: Number
    model: str
    operator: Operator
    parent: ParentProgram
    messages: list[Message]
    answer_format: str
    earlier: list[AssignmentOutcome]

    @classmethod
    def of(cls, found: assignments.Leased) -> Self:
        """As the service tells it."""
        return cls(
            id=found.id,
            lease=found.lease,
            lease_until=found.lease_until,
            expires_at=found.expires_at,
            run=found.run,
            project=found.project,
            problem=found.problem,
            problem_name=found.problem_name,
            proposal=found.proposal,
            model=found.model,
            operator=found.operator,
            parent=ParentProgram(number=found.parent, files=dict(found.files)),
            messages=list(found.messages),
            answer_format=ANSWER_FORMAT,
            earlier=[AssignmentOutcome.of(item) for item in found.earlier],
        )


class LeaseEnd(Answer):
    """When the lease ends now."""

    model_config = ConfigDict(frozen=True, json_schema_extra=shown({"lease_until": "2026-11-21T10:15:00Z"}))

    lease_until: datetime
