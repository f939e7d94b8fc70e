"""Any process may be killed at any moment: nothing that was stored is lost, and nothing is counted twice."""

import random
import subprocess
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.processes.kit import KINDS, TWENTY, end, galapagos, kill, pid_of, served, start, unhurried_twenty

CHECKS = {
    "evaluations finished and not taken in": "SELECT count(*) FROM evaluation WHERE state = 'finished' AND purpose = 'search' "
    "AND NOT EXISTS (SELECT FROM event WHERE kind = 'admitted' AND (payload ->> 'evaluation')::bigint = evaluation.id)",
    "evaluations taken in twice": "SELECT count(*) FROM (SELECT FROM event WHERE kind = 'admitted' "
    "GROUP BY run, payload ->> 'evaluation' HAVING count(*) > 1) AS twice",
    "proposals closed twice": "SELECT count(*) FROM (SELECT FROM event WHERE kind IN ('admitted', 'refused') "
    "GROUP BY run, payload ->> 'number' HAVING count(*) > 1) AS twice",
    "proposals never closed": "SELECT count(*) FROM proposal WHERE closed_event IS NULL",
    "gaps in the log": "SELECT count(*) FROM run WHERE as_of_event <> (SELECT count(*) FROM event WHERE event.run = run.id) "
    "OR as_of_event <> (SELECT coalesce(max(number), 0) FROM event WHERE event.run = run.id)",
    "model calls never settled": "SELECT count(*) FROM completion WHERE cost_micro_dollars IS NULL",
    "micro-dollars not accounted for": "SELECT count(*) FROM account WHERE reserved_micro_dollars <> 0 "
    "OR spent_micro_dollars <> "
    "(SELECT coalesce(sum(cost_micro_dollars), 0) FROM completion WHERE completion.run = account.run)",
    "micro-dollars that no run of a project spent": "SELECT count(*) FROM allowance w WHERE resource = 'micro_dollars' "
    "AND (reserved <> 0 OR spent <> "
    "(SELECT coalesce(sum(spent_micro_dollars), 0) FROM account a JOIN run r ON r.id = a.run WHERE r.project = w.project))",
    "tokens or evaluations still reserved": "SELECT count(*) FROM allowance WHERE reserved <> 0",
    "evaluations not counted": "SELECT count(*) FROM allowance WHERE resource = 'evaluations' AND spent <> "
    "(SELECT count(*) FROM event WHERE kind = 'admitted' AND payload ->> 'number' <> '0')",
}


async def assert_nothing_is_lost(data: Path) -> None:
    with served(data) as database:
        async with database as opened, opened.begin() as connection:
            found = {name: (await connection.execute(sa.text(question))).scalar() for name, question in CHECKS.items()}
    assert found == dict.fromkeys(CHECKS, 0)
    checked = galapagos("verify", "1", data=data)
    assert checked.code == 0, checked.told


def kill_at_random(problem: Path, kills: int, seconds: float, data: Path, seed: int) -> list[str]:
    """Run, and kill -9 one process after another; the supervisor's death is followed by `resume`."""
    rng = random.Random(seed)
    limit = ["--seconds", str(seconds)]
    begin = ["run", str(problem), *limit, "--seed", "1"]
    process = start(*begin, data=data)
    victims = [KINDS[index % len(KINDS)] for index in range(kills)]
    rng.shuffle(victims)
    for victim in victims:
        time.sleep(rng.uniform(0.5, 3.0))
        pid = _wait_for(victim, process)
        kill(pid)
        if victim == "supervisor":
            process.wait()
            process.communicate()
            process = _resume(begin, data)
    ended = end(process, 300)
    assert ended.code == 0, ended.told
    assert ended.result["stop_reason"] == "seconds"
    assert ended.result["evaluations"] > 10
    return victims


def _wait_for(kind: str, process: subprocess.Popen[str]) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the run ended before all kills: {process.communicate()}"
        pid = pid_of(kind, process.pid)
        if pid is not None:
            return pid
        time.sleep(0.05)
    raise AssertionError(f"no {kind} came up within a minute")


def _resume(begin: list[str], data: Path) -> subprocess.Popen[str]:
    """The run may not be stored yet when the supervisor dies early: then it is started, not resumed."""
    listed = galapagos("runs", data=data)
    assert listed.code == 0, listed.told
    if not listed.result["runs"]:
        return start(*begin, data=data)
    return start("resume", "1", data=data)


async def test_a_kill_of_each_kind_loses_nothing(open_folder: Path) -> None:
    data = open_folder / "data"
    assert sorted(kill_at_random(unhurried_twenty(open_folder), len(KINDS), 30, data, seed=1)) == sorted(KINDS)
    await assert_nothing_is_lost(data)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_twenty_kills_lose_nothing(open_folder: Path, seed: int) -> None:
    data = open_folder / "data"
    kill_at_random(TWENTY, 20, 100, data, seed)
    await assert_nothing_is_lost(data)
