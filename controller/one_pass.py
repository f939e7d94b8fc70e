"""One pass of the paper's loop over one run: admit what came back, stop if it is time, verify, ask for more.

A pass is one transaction. All its events, the archive cells, proposals and budget that they describe commit together
or not at all, and only if this controller still holds the run's newest epoch.
"""

from controller import gpu_limits
from controller.active_run import ActiveRun
from controller.current_pass import Pass
from controller.limits import count, evaluations_left, follow_new_limits, read_limits, used_up
from controller.steering import follow_reopening, take_commands
from database import archive, assignments, charges, commands, completions, evaluations, events, proposals, runs
from database.archive import Record
from database.engine import CONTROLLER, EVALUATORS, WORKERS, Connection, notify
from database.proposals import OpenProposal
from evolution import loop
from evolution.archive import MissingFeatureError
from evolution.evaluation import EvaluationState
from evolution.events import BudgetSet, Finished, IslandReset, ModelsSet, NewBest, Proposed, Resumed, VerificationAsked
from evolution.proposal import Choice, ProposalState, Refusal
from evolution.run import Order, RunState, StopReason
from evolution.snapshot import snapshot
from evolution.state import LogError

SAVE_CLOCK_S = 1.0
"""A pass in which nothing happened is written only to save the run's clock, this often."""


async def one_pass(connection: Connection, run: ActiveRun) -> bool:
    """Serve a run once; returns False when it is finished.

    Raises:
        EpochLost: another controller has taken the run.
        DatabaseUnavailable: nothing was written; adopt the run anew and try again.
    """
    row = await runs.lock_for_pass(connection, run.id, run.epoch)
    run.tick()
    now = Pass(connection, run, row, first_event=run.state.events + 1)
    await read_limits(now)
    say_resumed(now)
    follow_reopening(now)
    await take_commands(now)
    await follow_new_limits(now)
    if run.state.stopping is not None:
        await assignments.withdraw(connection, run.id, "the run ended before somebody answered")
    await admit_finished_evaluations(now)
    await admit_verifications(now)
    await stop_if_due(now)
    now.note(loop.verification_due(run.state))
    gpu_limits.refuse_unpaid(now)
    if run.state.stopping is None:
        choose_proposals(now)
    else:
        now.note(loop.finish(run.state))
    await write(now)
    run.noted = tuple(event.kind for event in now.log)
    return not run.state.finished


def say_resumed(now: Pass) -> None:
    """Log that a new controller took the run up, perhaps because somebody reopened one that had come to its end."""
    if not now.run.resumed:
        return
    # A pass writes both together: where they differ, the row was reopened since.
    reopened = now.row.state is RunState.RUNNING and now.run.state.stopping is not None
    resumed = Resumed(epoch=now.run.epoch, reopened=reopened)
    now.run.state.apply(resumed)
    now.run.resumed = False
    now.note([resumed])


async def admit_finished_evaluations(now: Pass) -> None:
    """Close every proposal that has come to its end: its program is admitted to the archive, or its refusal noted."""
    state = now.run.state
    opened = {found.number: found for found in await proposals.open_proposals(now.connection, now.run.id)}
    now.waiting = now.run.waiting = sum(map(_waits, opened.values()))
    in_order = state.config.order is Order.FIXED_LAG
    for number in sorted(opened):
        found = opened[number]
        if in_order:
            found = opened[number] = await _own(now, found, opened)
        if not _ended(found):
            if in_order:
                break
            continue
        while not loop.may_close(state, number) and loop.may_propose(state):
            if not choose_proposals(now):
                break
        if not loop.may_close(state, number):
            break
        _close(now, found)


def _waits(found: OpenProposal) -> bool:
    """Whether a program waits for an evaluator, or will in a moment: what needs no model is made at once."""
    if found.state is ProposalState.ANSWERED:
        return found.evaluation_state is EvaluationState.QUEUED
    return found.model is None and found.state is not ProposalState.REFUSED


def _ended(found: OpenProposal) -> bool:
    if found.state is ProposalState.REFUSED:
        return True
    return found.evaluation_state in {EvaluationState.FINISHED, EvaluationState.ABANDONED}


async def _own(now: Pass, found: OpenProposal, opened: dict[int, OpenProposal]) -> OpenProposal:
    """Under a fixed lag the lowest number owns a program that several proposals made, whoever was quicker."""
    other = found.duplicate_of
    if other is None or other < found.number or other not in now.run.state.pending:
        return found
    await proposals.reassign(now.connection, now.run.id, other, found.number)
    reread = {item.number: item for item in await proposals.open_proposals(now.connection, now.run.id)}
    opened.update(reread)
    return opened[found.number]


def _close(now: Pass, found: OpenProposal) -> None:
    state = now.run.state
    if found.state is not ProposalState.REFUSED:
        gpu_limits.note_used(now, found.gpu_s)
    if found.state is ProposalState.REFUSED:
        made = loop.refuse(state, found.number, found.refusal or Refusal.WORKER_LOST, found.duplicate_of)
    elif found.evaluation_state is EvaluationState.ABANDONED:
        made = loop.refuse(state, found.number, Refusal.HOST_FAULT)
    else:
        try:
            made = loop.admit(state, _evaluated(found))
        except MissingFeatureError as error:
            if state.stopping is None:
                now.stopped = (StopReason.JUDGE_FAILED, str(error))
            made = loop.refuse(state, found.number, Refusal.HOST_FAULT)
        else:
            now.run.note_duration(found.duration_s or 0.0, found.gpu_s)
            if found.score is not None:
                now.scored.append((state.valid_total - 1, found.number))
    now.closed.append((found.number, now.note(made)))


def _evaluated(found: OpenProposal) -> loop.Evaluated:
    if found.program_id is None or found.evaluation is None or found.verdict is None:
        raise LogError(f"proposal {found.number} is answered and its evaluation finished, yet its rows are not whole: {found}")
    return loop.Evaluated(
        number=found.number,
        program=found.program_id,
        evaluation=found.evaluation,
        verdict=found.verdict,
        score=found.score,
        features=found.features or {},
        length=found.length or 0,
        literals=found.literals or 0,
    )


async def admit_verifications(now: Pass) -> None:
    """Take in what the re-runs on fresh seeds and hidden stages said."""
    if not now.run.state.verifying:
        return
    for found in await evaluations.open_verifications(now.connection, now.run.id):
        if found.state in {EvaluationState.FINISHED, EvaluationState.ABANDONED}:
            gpu_limits.note_used(now, found.gpu_s)
            made = loop.verified(now.run.state, found.number, found.id, found.verdict, found.score)
            now.verified.append((found.id, now.note(made)))


async def stop_if_due(now: Pass) -> None:
    """Ask for nothing more once a limit is reached or nothing can go on. A paused run is left to who paused it."""
    state, run = now.run.state, now.run
    if state.stopping is not None:
        return
    due = now.stopped
    if due is None and not state.paused:
        due = loop.stop_reason(state, run.seconds, now.row.account.spent_micro_dollars, run.sign) or used_up(now)
    if due is None:
        return
    reason, detail = due
    if now.stopped is None:
        why = await _told(now, reason)
        detail = f"{detail}: {why}" if why else detail
    now.note(loop.stop(state, reason, detail))
    now.stopped = (reason, detail)


async def _told(now: Pass, reason: StopReason) -> str | None:
    """What evaluators or workers said of that for which the run stops."""
    if reason is StopReason.JUDGE_FAILED:
        return await evaluations.last_host_fault(now.connection, now.run.id)
    if reason is StopReason.MONEY and now.run.state.droughts.money:
        return await charges.why_refused(now.connection, now.run.id)
    return None


def choose_proposals(now: Pass) -> bool:
    """Fill the room in flight with proposals chosen from the archive as it is now; False if none was chosen."""
    state = now.run.state
    room = min(state.config.in_flight - len(state.pending), now.run.most_waiting - now.waiting)
    if not loop.may_propose(state) or (room <= 0 and state.config.order is Order.AS_COMPLETED):
        return False
    spent = now.row.account
    tokens = spent.tokens_in + spent.tokens_out
    progress = loop.progress_of(state, now.run.seconds, spent.spent_micro_dollars, tokens, gpu_limits.spent(now))
    made = loop.propose(state, room, progress, evaluations_left(now))
    now.note(made)
    return bool(made)


async def write(now: Pass) -> None:
    """Write events, rows and the run's own state."""
    connection, run, state = now.connection, now.run, now.run.state
    await commands.settle(connection, run.id, now.commands)
    if not now.log and run.seconds - now.row.active_s < SAVE_CLOCK_S:
        return
    if now.log:
        await events.append(connection, run.id, now.first_event - 1, now.log)
        await proposals.close(connection, run.id, now.closed)
        await archive.add_scored(connection, run.id, now.scored)
        await evaluations.close_verifications(connection, now.verified)
        await _write_archive(now)
        await _ask(now)
    finished = now.of_kind(Finished)
    if finished:
        # A call that nobody will tell the cost of is booked now: who reads that the run is finished reads what it cost.
        await completions.settle_all(connection, run.id)
        await commands.refuse_waiting(connection, run.id, "the run ended before it was taken")
    await count(now)
    if now.of_kind(BudgetSet) or now.of_kind(ModelsSet):
        await runs.save_config(connection, run.id, state.config)
    await runs.save_pass(
        connection,
        run.id,
        run.epoch,
        as_of_event=state.events,
        active_s=run.seconds,
        mean_s=run.mean_s,
        mean_gpu_s=run.mean_gpu_s,
        state=_run_state(now),
        stop_reason=now.stopped[0] if now.stopped else now.row.stop_reason,
        stop_detail=now.stopped[1] if now.stopped else now.row.stop_detail,
        champion=finished[0][1].champion if finished else now.row.champion,
    )


def _run_state(now: Pass) -> RunState:
    if now.run.state.finished:
        return RunState.FINISHED
    if now.run.state.paused:
        return RunState.PAUSED
    return RunState.RUNNING if now.run.state.stopping is None else RunState.FINISHING


async def _write_archive(now: Pass) -> None:
    run, state = now.run, now.run.state
    await archive.clear(now.connection, run.id, [reset.island for _, reset in now.of_kind(IslandReset)])
    elites = [
        archive.Elite(island, cell, elite.number, elite.score, elite.length, elite.literals, elite.at)
        for (island, cell), elite in state.drain().items()
        if elite is not None
    ]
    await archive.save(now.connection, run.id, state.events, snapshot(state), elites)
    spent = now.row.account.spent_micro_dollars
    await archive.add_records(
        now.connection,
        run.id,
        [
            Record(best.number, best.score, best.evaluations, run.seconds, spent, gpu_limits.spent(now))
            for _, best in now.of_kind(NewBest)
        ],
    )


async def _ask(now: Pass) -> None:
    asked: list[tuple[int, int, Choice]] = [
        (event.number, number - 1, loop.choice_of(event)) for number, event in now.of_kind(Proposed)
    ]
    if asked:
        await proposals.ask(now.connection, now.run.id, asked)
        await notify(now.connection, WORKERS)
    to_verify = [event.number for _, event in now.of_kind(VerificationAsked)]
    if to_verify:
        await evaluations.ask_verification(now.connection, now.run.id, to_verify)
        await notify(now.connection, EVALUATORS)
    if now.unpaid:
        await evaluations.abandon_verifications(now.connection, now.run.id, now.unpaid, gpu_limits.why_unpaid(now))
        await notify(now.connection, CONTROLLER)
