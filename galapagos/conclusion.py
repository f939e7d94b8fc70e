"""The end of a run for those who asked for it: its figures, its best program and its report, written to files."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from database import programs, runs
from database.for_people import told_why_damaged
from evolution.run import RunState, StopReason
from galapagos.failures import ExitCode
from galapagos.ground import Ground
from galapagos.standing import StandingReader

NO_FILES: Mapping[str, str] = {}
AS_ASKED = frozenset({StopReason.EVALUATIONS, StopReason.SECONDS, StopReason.MONEY, StopReason.GPU_SECONDS, StopReason.TARGET})


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What `run --json` prints. Scores are raw; `spent` is in dollars, `seconds` in active time.

    `best` is the folder of the best program's `files`; None as long as nothing was scored.
    """

    run: int
    problem: str
    state: str
    stop_reason: str | None
    stop_detail: str | None
    seed: int
    tier: str
    score_isolated: bool
    seed_score: float | None
    best_score: float | None
    verified_score: float | None
    evaluations: int
    programs: int
    seconds: float
    spent: float
    spent_micro_dollars: int
    tokens: int
    gpu_milliseconds: int
    best: str | None
    files: list[str]
    report: str

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)

    @property
    def exit_code(self) -> ExitCode:
        """0 only if the run reached a limit or its target and its best was verified."""
        if self.state != RunState.FINISHED.value or self.stop_reason == StopReason.STOPPED.value:
            return ExitCode.INTERRUPTED
        as_asked = self.stop_reason in {reason.value for reason in AS_ASKED} and self.verified_score is not None
        return ExitCode.DONE if as_asked else ExitCode.FAILED


async def conclude(ground: Ground, run: int) -> Conclusion:
    """Write the best program and the report of a run as it is now.

    Raises:
        NotFound: no such run.
        Damaged: it was set aside, and not even its results can be read; the text says why.
    """
    async with told_why_damaged(ground.database, run):
        return await _conclude(ground, run)


async def _conclude(ground: Ground, run: int) -> Conclusion:
    # Imported here: while a run goes on nobody needs its templates in memory.
    from galapagos.report.page import write_report

    standing = await StandingReader(ground.database, run).read()
    async with ground.database.begin() as connection:
        row = await runs.load(connection, run)
        number = row.champion if row.champion is not None else standing.best_number
        found = await programs.load(connection, run, [number] if number is not None else [])
    folder = ground.folder_of(run)
    folder.mkdir(parents=True, exist_ok=True)
    files: Mapping[str, str] = found[number].files if number is not None and number in found else NO_FILES
    best = write_program(folder / "best", files) if files else None
    report = await write_report(ground.database, run, folder / "report.html")
    return Conclusion(
        run=run,
        problem=standing.problem,
        state=row.state.value,
        stop_reason=row.stop_reason.value if row.stop_reason else None,
        stop_detail=row.stop_detail,
        seed=row.seed,
        tier=row.tier.value,
        score_isolated=standing.score_isolated,
        seed_score=standing.seed_score,
        best_score=standing.best_score,
        verified_score=standing.verified_score,
        evaluations=standing.evaluations,
        programs=standing.programs,
        seconds=row.active_s,
        spent=standing.micro_dollars / 1_000_000,
        spent_micro_dollars=standing.micro_dollars,
        tokens=standing.tokens,
        gpu_milliseconds=standing.gpu_milliseconds,
        best=str(best) if best else None,
        files=sorted(files),
        report=str(report),
    )


def write_program(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a program's files below `folder`, which holds nothing else afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
