"""Processes that are stopped until their turn, and some that will not be."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from evaluators.harness.galapagos_family import stands
from evaluators.harness.galapagos_stopwatch import Stopwatch, WorkedWhileStopped
from evaluators.harness.galapagos_watch import clocks

_WORK = "while True: pass"
_DISTURB = "import os, signal, sys\nwhile True: os.kill(int(sys.argv[1]), signal.SIGCONT)"


@pytest.fixture
def worker() -> Iterator[int]:
    yield from _running(_WORK)


def _running(text: str, *arguments: str) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", text, *arguments])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _halt(watch: Stopwatch, patience_s: float = 20.0) -> None:
    until = time.monotonic() + patience_s
    while not watch.halt():
        assert time.monotonic() < until


def test_only_what_runs_in_its_turn_is_counted(worker: int) -> None:
    watch = Stopwatch(worker, [worker], stands, clocks)
    _halt(watch)
    watch.seconds()
    time.sleep(0.2)
    watch.start()
    until = time.monotonic() + 20
    while time.clock_gettime((~worker << 3) | 2) < 0.1:
        assert time.monotonic() < until
    _halt(watch)
    spent = watch.seconds()
    assert 0 < spent <= time.clock_gettime((~worker << 3) | 2)
    time.sleep(0.1)
    assert watch.seconds() == 0
    watch.close()


def test_who_runs_between_two_turns_is_told(worker: int) -> None:
    watch = Stopwatch(worker, [worker], stands, clocks)
    _halt(watch)
    before = watch.seconds()
    os.kill(worker, signal.SIGCONT)
    until = time.monotonic() + 20
    while time.clock_gettime((~worker << 3) | 2) < before + 0.05:
        assert time.monotonic() < until
    with pytest.raises(WorkedWhileStopped):
        watch.start()
    watch.close()


@pytest.fixture
def disturbed(worker: int) -> Iterator[int]:
    for _ in _running(_DISTURB, str(worker)):
        yield worker


def test_who_is_woken_all_the_time_is_told_and_not_waited_for(disturbed: int) -> None:
    watch = Stopwatch(disturbed, [disturbed], stands, clocks)
    with pytest.raises(WorkedWhileStopped):
        _take_turns(watch)
    watch.close()


def _take_turns(watch: Stopwatch) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        _halt(watch)
        watch.seconds()
        time.sleep(0.02)
        watch.start()
