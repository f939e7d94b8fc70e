"""Model endpoints as all workers of an installation share them: calls under way, calls a minute, and pauses asked for.

What is under way is what the table of completions says, so that nothing leaks when a worker dies: its calls are settled
with their leases. Every moment is one of the database's clock. An endpoint without limits is locked by nobody but who was
told to pause it, and its pause is read with the leases of a batch of calls: it costs no statement.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from database.engine import Connection

FULL_S = 0.5
"""So long waits who finds as many calls under way as the endpoint may have: calls of other workers end unheard."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """What an endpoint allows the whole installation: calls under way, and calls begun in a minute; None is no limit."""

    most_calls: int | None = None
    per_minute: int | None = None

    @property
    def limited(self) -> bool:
        """Whether it allows less than anything."""
        return self.most_calls is not None or self.per_minute is not None


UNLIMITED = Throttle()


@dataclass(frozen=True, slots=True)
class Wait:
    """The endpoint must not be called now: ask again after so many seconds; nothing was written.

    `full`: as many calls are under way as may be, so that the end of any of them is worth asking again at once.
    """

    seconds: float
    full: bool = False


# Makes the row of a new endpoint, and locks all in the order of their names. What it returns is read under the lock.
_LOCK = sa.text("""
    INSERT INTO endpoint (model) SELECT model FROM unnest(CAST(:models AS text[])) model ORDER BY model
    ON CONFLICT (model) DO UPDATE SET model = excluded.model
    RETURNING model, coalesce(extract(epoch FROM paused_until - clock_timestamp()), 0) AS pause,
        coalesce(extract(epoch FROM next_at - clock_timestamp()), 0) AS early
""")
_UNDER_WAY = sa.text("""
    SELECT model, count(*) AS calls FROM completion
    WHERE model = ANY(CAST(:models AS text[])) AND cost_micro_dollars IS NULL GROUP BY model
""")
_WRITE = sa.text("""
    UPDATE endpoint e SET
        paused_until = greatest(e.paused_until, clock_timestamp() + make_interval(secs => w.pause)),
        next_at = CASE WHEN w.taken > 0
            THEN greatest(e.next_at, clock_timestamp()) + make_interval(secs => w.taken) ELSE e.next_at END
    FROM unnest(CAST(:models AS text[]), CAST(:pauses AS double precision[]), CAST(:taken AS double precision[]))
        AS w(model, pause, taken)
    WHERE e.model = w.model
""")


@dataclass(slots=True)
class _Gate:
    """One endpoint in this transaction: seconds of its pause, seconds until its next call may begin, calls under way.

    `asked_s` is the pause that this batch was told of, `taken` counts the calls that it lets pass.
    """

    throttle: Throttle
    pause_s: float = 0.0
    early_s: float = 0.0
    under_way: int = 0
    asked_s: float | None = None
    taken: int = 0

    @property
    def locked(self) -> bool:
        return self.throttle.limited or self.asked_s is not None

    @property
    def spacing_s(self) -> float:
        return 0.0 if self.throttle.per_minute is None else 60.0 / self.throttle.per_minute

    def wait(self) -> Wait | None:
        early_s = self.early_s + self.taken * self.spacing_s if self.spacing_s else 0.0
        if self.pause_s > 0 or early_s > 0:
            return Wait(max(self.pause_s, early_s))
        most = self.throttle.most_calls
        return Wait(FULL_S, full=True) if most is not None and self.under_way + self.taken >= most else None

    def take(self) -> None:
        self.early_s = max(self.early_s, 0.0)
        self.taken += 1


@dataclass(slots=True)
class Gates:
    """The endpoints of a batch of calls, as this transaction finds them and changes them."""

    _gates: dict[str, _Gate] = field(default_factory=dict[str, _Gate])

    def wait(self, model: str) -> Wait | None:
        """Why the model must not be called now; None if it may."""
        return self._gates[model].wait()

    def take(self, model: str) -> None:
        """Count one call that is made."""
        self._gates[model].take()

    async def write(self, connection: Connection) -> None:
        """Write the pauses that were asked for, and when the next calls may begin."""
        changed = {
            name: gate for name, gate in sorted(self._gates.items()) if gate.asked_s is not None or gate.taken * gate.spacing_s
        }
        if changed:
            row = {
                "models": list(changed),
                "pauses": [gate.asked_s for gate in changed.values()],
                "taken": [gate.taken * gate.spacing_s for gate in changed.values()],
            }
            await connection.execute(_WRITE, row)


async def gates(
    connection: Connection,
    throttles: Mapping[str, Throttle],
    paused: Mapping[str, float],
    asked: Mapping[str, float],
    freed: Mapping[str, int],
) -> Gates:
    """What the models of calls about to be made allow; locks those that are limited, or that this batch pauses.

    All by model: `throttles` of the calls, `paused` the seconds of pauses that were read already, `asked` the seconds that
    endpoints asked for just now, `freed` the calls that this batch settles. No statement where nothing is to be locked.
    """
    found = {
        name: _Gate(
            throttles.get(name, UNLIMITED),
            pause_s=max(paused.get(name, 0.0), asked.get(name, 0.0)),
            asked_s=asked.get(name),
        )
        for name in {*throttles, *asked}
    }
    locked = sorted(name for name, gate in found.items() if gate.locked)
    if locked:
        for row in await connection.execute(_LOCK, {"models": locked}):
            gate = found[row.model]
            gate.pause_s = max(float(row.pause), gate.asked_s or 0.0)
            gate.early_s = float(row.early)
    bounded = [name for name in locked if found[name].throttle.most_calls is not None]
    if bounded:
        # Its own statement: it must see what those did who held the locks before.
        for row in await connection.execute(_UNDER_WAY, {"models": bounded}):
            found[row.model].under_way = row.calls - freed.get(row.model, 0)
    return Gates(found)
