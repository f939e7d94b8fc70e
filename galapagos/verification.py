"""Whether a run's tables are what its log says: `galapagos verify`."""

from dataclasses import dataclass, field

from database import archive, events, problems, retention, runs
from database.engine import Database
from database.errors import UNREADABLE, in_words
from evolution import replay, snapshot
from evolution.archive import Elite
from evolution.events import Event
from evolution.state import LogError, SearchState

PAGE = 10_000


@dataclass(frozen=True, slots=True)
class LogCheck:
    """`differences` is empty for an honest run: each choice follows from the log before it, and the tables from all of it.

    `removed` says what retention took: it is compared with nothing.
    """

    run: int
    events: int
    proposals: int
    elites: int
    differences: list[str] = field(default_factory=list[str])
    removed: str | None = None


async def verify_run(database: Database, run: int) -> LogCheck:
    """Fold the log of a run, make every choice again, and compare both with the tables.

    Raises:
        NotFound: no such run.
    """
    async with database.begin() as connection:
        row = await runs.load(connection, run)
        # Log and tables must be of one moment: while a run goes on, its controller waits here for the length of a read.
        row = await runs.lock_for_pass(connection, run, row.controller_epoch)
        first_config = await runs.first_config(connection, run)
        axes = (await problems.load(connection, row.problem)).definition.axes
        log: list[Event] = []
        while page := await events.read(connection, run, after=len(log), limit=PAGE):
            log += [item.event for item in page]
        removal = await retention.of(connection, run)
        stored = await archive.load(connection, run)
        valid = await archive.load_scored(connection, run)
    if stored is None:
        return LogCheck(run, len(log), 0, 0, [] if not log else ["there are events, but no saved search state"])
    elites = [
        (item.island, item.cell, Elite(item.number, item.score, item.length, item.literals, item.at_event))
        for item in stored.elites
    ]
    try:
        loaded = snapshot.restore(first_config, axes, row.seed, stored.state, elites, valid)
    except UNREADABLE as error:
        said = f"the saved search state cannot be restored: {in_words(error)}"
        return LogCheck(run, len(log), 0, len(elites), [said, *replay.verify(log, first_config, axes, row.seed)])
    differences = replay.verify(log, first_config, axes, row.seed)
    try:
        folded: SearchState | None = replay.fold(log[: loaded.events], first_config, axes, row.seed)
    except LogError as error:
        folded = None
        differences.append(str(error))
    if folded is not None:
        differences += replay.compare(folded, loaded)
    if row.config.models != loaded.config.models:
        differences.append(f"models: the log gives {loaded.config.models!r}, the run has {row.config.models!r}")
    if loaded.events != len(log) or row.as_of_event != len(log):
        differences.append(
            f"the log ends at event {len(log)}, the search state at {loaded.events}, the run at {row.as_of_event}"
        )
    return LogCheck(run, len(log), loaded.next_number - 1, len(elites), list(dict.fromkeys(differences)), _told(removal))


def _told(removal: retention.Removal | None) -> str | None:
    if removal is None:
        return None
    until = "is not done" if removal.ended_at is None else f"ended {removal.ended_at:%Y-%m-%d %H:%M}"
    return (
        f"retention removed the sources of {removal.programs} programs and {removal.prompts} prompts with their answers: it "
        f"began {removal.began_at:%Y-%m-%d %H:%M} UTC and {until}"
    )
