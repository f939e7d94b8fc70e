"""A small problem, its programs, and proposals on them."""

from typing import Any

from database.leases import Lease
from database.programs import EvaluatedProgram
from database.proposals import ClaimedProposal
from evolution.evaluation import Outcome, StageResult, Verdict
from evolution.problem import Problem, problem_from_files
from evolution.program import Program
from evolution.proposal import Operator

SEED = "import math\n\n# EVOLVE-BLOCK-START\ndef area(r):\n    return 3 * r\n# EVOLVE-BLOCK-END\n"
PI = SEED.replace("3 * r", "math.pi * r")
DEFINITION = """
name = "area"
title = "Area of a circle"
statement = "Return the area of a circle of radius r."
seed = ["main.py"]
[score]
name = "error"
unit = "percent"
direction = "minimize"
[[stages]]
name = "smoke"
[[stages]]
name = "sealed"
hidden = true
"""


def edit(search: str, replace: str) -> str:
    return f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n"


GOOD = edit("    return 3 * r", "    return math.pi * r")


def problem(definition: str = DEFINITION, **files: str) -> Problem:
    given = {"problem.toml": definition, "main.py": SEED, "judge.py": "", **files}
    return problem_from_files({path: text.encode() for path, text in given.items()})


def stage(name: str = "smoke", score: float | None = -1.0, **changes: Any) -> StageResult:
    given: dict[str, Any] = {
        "stage": name,
        "verdict": Verdict.CRASHED if score is None else Verdict.SCORED,
        "score": score,
        "metrics": {"worst": 2.5},
        "features": {"terms": 3.0},
        "samples": (),
        "duration_s": 0.1,
        "cpu_s": 0.05,
        "peak_memory_mib": 20.0,
        "feedback": "",
        "log_tail": "",
    }
    return StageResult(**{**given, **changes})


def program(number: int, score: float | None, text: str = SEED, **changes: Any) -> EvaluatedProgram:
    stages = changes.get("stages", (stage(score=score),))
    files = changes.get("files", {"main.py": text})
    verdict = Verdict.CRASHED if score is None else Verdict.SCORED
    outcome = Outcome(verdict, score, {"worst": 2.5}, {"terms": 3.0}, stages)
    return EvaluatedProgram(Program(number, 1, number, 0, 0, files, b"", 1), outcome)


def claimed(operator: Operator = Operator.DIFF, inspirations: tuple[int, ...] = ()) -> ClaimedProposal:
    return ClaimedProposal(
        lease=Lease(1, 1), run=1, number=9, attempt=1, operator=operator, island=0, parent=5, inspirations=inspirations,
        model="small", tuning=None, seen_event=1, problem="r", run_seed=1,
    )  # fmt: skip
