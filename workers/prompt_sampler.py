"""Builds the messages that a model is asked with: the problem, the parent and how it did, what inspired, what failed.

A template is a file `<operator>.<version>.jinja` in `templates/`, and its name without the suffix is stored with every
completion. A template that has been used is never edited: a change is a new version. Programs, feedback, reasons and ideas
are data of unknown origin: they stand in fences longer than any run of backticks in them, and sizes are bounded.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from database.programs import EvaluatedProgram
from database.prompt_views import PastRefusal, PromptView, Step
from database.proposals import ClaimedProposal
from evolution.evaluation import StageResult, Verdict
from evolution.evolve_blocks import blocks
from evolution.language import LANGUAGES
from evolution.models import Message
from evolution.problem import Definition, Problem
from evolution.proposal import Operator, Refusal
from workers.diff import ignored_of
from workers.quoting import bounded, change_line, quoted

FEEDBACK_BYTES = 4096
INSPIRATION_CHARACTERS = 24_000
REASON_BYTES = 600
_VERSIONS = {
    Operator.DIFF: "diff.v3",
    Operator.REWRITE: "rewrite.v3",
    Operator.CROSSOVER: "crossover.v3",
    Operator.REPAIR: "repair.v2",
}
_PRIVATE = "private."
"""Metrics whose names begin so are for people alone."""
_SYSTEM = "system.v2"


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages ready to be sent, and the template that they were made from."""

    template: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class ShownStage:
    """One public stage of an evaluation, in the problem's own units."""

    name: str
    verdict: Verdict
    score: str
    numbers: str
    seconds: str
    feedback: str
    log_tail: str


@dataclass(frozen=True, slots=True)
class ShownProgram:
    """A program as a prompt shows it. `files` are whole for a parent, and only the evolvable text for an inspiration."""

    number: int
    files: Mapping[str, str]
    score: str
    numbers: str = ""
    stages: tuple[ShownStage, ...] = ()


def prompt_for(claimed: ClaimedProposal, problem: Problem, view: PromptView) -> Prompt:
    """The prompt of a model's proposal. A crossover without a second parent is asked as a rewrite."""
    definition = problem.definition
    operator = claimed.operator
    inspirations = _worst_to_best(view.inspirations)
    partner = None
    if operator is Operator.CROSSOVER:
        partner = view.inspirations[0] if view.inspirations else None
        inspirations = [one for one in inspirations if one is not partner]
        operator = Operator.CROSSOVER if partner else Operator.REWRITE
    values = {
        "definition": definition,
        "language": definition.language.value,
        "traits": LANGUAGES[definition.language],
        "better": "larger" if definition.score.sign > 0 else "smaller",
        "several_files": len(view.parent.program.files) > 1,
        "parent": _shown_parent(view.parent, definition),
        "partner": partner and _shown_briefly(partner, definition, INSPIRATION_CHARACTERS),
        "inspirations": [_shown_briefly(one, definition, INSPIRATION_CHARACTERS // len(inspirations)) for one in inspirations],
        "steps": [learning_line(step, definition) for step in view.steps],
        "refusals": [_reason(refusal) for refusal in view.refusals],
        "ideas": view.ideas,
    }
    template = _VERSIONS[operator]
    system = _TEMPLATES.get_template(f"{_SYSTEM}.jinja").render(values).strip()
    user = _TEMPLATES.get_template(f"{template}.jinja").render(values).strip()
    return Prompt(template, (Message(role="system", content=system), Message(role="user", content=user)))


def prompt_text(messages: Sequence[Message]) -> str:
    """The messages as one text for the program database: a JSON list, as the endpoint gets them."""
    return json.dumps([message.model_dump() for message in messages], ensure_ascii=False)


def learning_line(step: Step, definition: Definition) -> str:
    """One line on an ancestor: what was changed, the score before and after, and what of the answer was left out."""
    old, new = _recorded(step.parent), _recorded(step.child)
    word = ""
    if old is not None and new is not None:
        word = " (better)" if new > old else " (worse)" if new < old else " (equal)"
    change = change_line(step.parent.program.files, step.child.program.files)
    scores = f"{_score(step.parent, definition)} -> {_score(step.child, definition)}{word}"
    ignored = ignored_of(step.parent.program.files, step.answer) if step.answer is not None else ""
    return f"program {step.child.program.number} ({step.operator}): {change}; {scores}" + (f"; {ignored}" if ignored else "")


def _worst_to_best(programs: Sequence[EvaluatedProgram]) -> list[EvaluatedProgram]:
    """Programs without a score first: what stands last weighs most."""
    return sorted(programs, key=lambda one: float("-inf") if (score := _recorded(one)) is None else score)


def _recorded(program: EvaluatedProgram) -> float | None:
    return program.outcome.score if program.outcome else None


def _score(program: EvaluatedProgram, definition: Definition) -> str:
    score = _recorded(program)
    if score is None:
        return program.outcome.verdict.value if program.outcome else "not evaluated"
    return _number(definition.score.sign * score)


def _number(value: float) -> str:
    return f"{value:.10g}"


def _numbers(values: Mapping[str, float]) -> str:
    shown = {name: value for name, value in values.items() if not name.startswith(_PRIVATE)}
    return ", ".join(f"{name} = {_number(value)}" for name, value in shown.items())


def _shown_parent(program: EvaluatedProgram, definition: Definition) -> ShownProgram:
    outcome = program.outcome
    hidden = {stage.name for stage in definition.stages if stage.hidden}
    stages: list[ShownStage] = []
    left = FEEDBACK_BYTES
    # The last stage says most about what to do next, so it is served first.
    for stage in reversed(outcome.stages if outcome else ()):
        if not stage.hidden and stage.stage not in hidden:
            shown = _shown_stage(stage, definition, left)
            left -= len(shown.feedback.encode()) + len(shown.log_tail.encode())
            stages.insert(0, shown)
    return ShownProgram(program.program.number, program.program.files, _score(program, definition), stages=tuple(stages))


def _shown_stage(stage: StageResult, definition: Definition, left: int) -> ShownStage:
    log_tail = bounded(stage.log_tail.strip(), left // 2, tail=True) if left >= 64 else ""
    left -= len(log_tail.encode())
    return ShownStage(
        name=stage.stage,
        verdict=stage.verdict,
        score="" if stage.score is None else _number(definition.score.sign * stage.score),
        numbers=_numbers({**stage.features, **stage.metrics}),
        seconds=f"{stage.cpu_s:.3g}",
        feedback=bounded(stage.feedback.strip(), left) if left >= 64 else "",
        log_tail=log_tail,
    )


def _shown_briefly(program: EvaluatedProgram, definition: Definition, size: int) -> ShownProgram:
    texts = {path: _evolvable(text) for path, text in program.program.files.items()}
    files = {path: bounded(text, size // len(texts)) for path, text in texts.items()}
    outcome = program.outcome
    return ShownProgram(
        program.program.number, files, _score(program, definition), _numbers(outcome.metrics) if outcome else ""
    )


def _evolvable(text: str) -> str:
    return "".join(text[block.start : block.end] for block in blocks(text))


def _reason(refusal: PastRefusal) -> str:
    if refusal.reason is Refusal.DUPLICATE:
        return f"it repeated program {refusal.duplicate_of}, which was tried before; change something else"
    return bounded(refusal.detail, REASON_BYTES) or refusal.reason.value


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["quoted"] = quoted
