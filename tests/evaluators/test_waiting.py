"""How slots choose among waiting evaluations."""

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from database.evaluations import ClaimedEvaluation
from database.leases import Lease
from evaluators.waiting import HELP_AFTER_S, KEEP_S, Binding, Waiting
from evolution.evaluation import Purpose


def row(identity: int, revision: str) -> ClaimedEvaluation:
    return ClaimedEvaluation(Lease(identity, identity), 1, identity, 1, Purpose.SEARCH, revision, {}, b"")


def filled(*revisions: str) -> Waiting:
    waiting = Waiting()
    waiting.add([row(number, revision) for number, revision in enumerate(revisions)])
    return waiting


def taken(waiting: Waiting, slot: Binding, now: float, served: Sequence[str] = ()) -> int | None:
    got = waiting.take(slot, now, set(served))
    return None if got is None else got.lease.id


def test_a_slot_stays_with_its_problem_while_others_wait_and_leaves_after_a_while() -> None:
    waiting = filled("b", "a", "a", "a")
    slot = Binding("a", since=0.0, idle_since=0.0)
    assert taken(waiting, slot, KEEP_S - 1) == 1
    assert taken(waiting, slot, KEEP_S + 1) == 0
    assert taken(waiting, slot, KEEP_S + 2) == 2


def test_a_problem_that_another_slot_serves_is_no_reason_to_leave() -> None:
    waiting = filled("b", "a")
    assert taken(waiting, Binding("a", since=0.0, idle_since=0.0), KEEP_S + 1, ["a", "b"]) == 1


def test_a_slot_without_work_changes_at_once_to_a_problem_that_nobody_serves() -> None:
    assert taken(filled("b"), Binding("a", since=0.0, idle_since=1.0), 1.0, ["a"]) == 0


def test_a_slot_without_work_helps_others_only_after_a_short_wait() -> None:
    waiting = filled("b")
    slot = Binding("a", since=0.0, idle_since=1.0)
    assert taken(waiting, slot, 1.0 + HELP_AFTER_S / 2, ["a", "b"]) is None
    assert taken(waiting, slot, 1.0 + 2 * HELP_AFTER_S, ["a", "b"]) == 0


def test_a_closed_slot_takes_the_oldest_problem_even_if_it_is_served() -> None:
    assert taken(filled("b", "a"), Binding(None, since=0.0, idle_since=0.0), 0.0, ["a", "b"]) == 0


def test_dropped_rows_are_gone() -> None:
    waiting = filled("a", "b", "a")
    waiting.drop({0, 1})
    assert len(waiting) == 1
    assert taken(waiting, Binding("a", 0.0, 0.0), 0.0) == 2
    assert taken(waiting, Binding("b", 0.0, 0.0), 0.0) is None


async def test_a_waiting_slot_is_woken_by_an_arrival() -> None:
    waiting = Waiting()
    sleeper = asyncio.create_task(waiting.arrival())
    await asyncio.sleep(2 * HELP_AFTER_S)
    assert not sleeper.done()
    waiting.add([row(1, "a")])
    await asyncio.wait_for(sleeper, 1)


async def test_a_slot_looks_again_while_work_of_others_waits() -> None:
    await asyncio.wait_for(filled("b").arrival(), 4 * HELP_AFTER_S)


@given(
    revisions=st.lists(st.sampled_from("abc"), max_size=12),
    bindings=st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.floats(0, 30)), min_size=1, max_size=40),
)
def test_every_row_is_taken_at_most_once_and_oldest_first_within_its_problem(
    revisions: list[str], bindings: list[tuple[str | None, float]]
) -> None:
    waiting = filled(*revisions)
    got: list[ClaimedEvaluation] = []
    for revision, now in bindings:
        next_row = waiting.take(Binding(revision, 0.0, 0.0), now, {"a"})
        got += [next_row] if next_row else []
    assert len(got) + len(waiting) == len(revisions)
    for revision in "abc":
        ids = [item.lease.id for item in got if item.problem == revision]
        assert ids == [number for number, name in enumerate(revisions) if name == revision][: len(ids)]
