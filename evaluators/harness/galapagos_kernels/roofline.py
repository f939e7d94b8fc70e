"""How fast this machine can be at most: bounds for the time of a kernel, measured by the judge itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from galapagos_judge import Rejected

_ROUNDS, _MORE_ROUNDS = 5, 40
_PRODUCT = 384
_COPIES, _COPIED_KIB = 20, (32, 64, 128, 4096)
_MARGIN = 0.95
"""Share of the least time below which a time is not believed."""


@dataclass(frozen=True, slots=True)
class Work:
    """What every right program has to do in one call: bytes to read and to write once, and operations on floats."""

    bytes: int
    operations: int = 0


@dataclass(frozen=True, slots=True)
class Machine:
    """The best of one core: bytes a second copied, read and written ones both counted, and operations of a matrix product."""

    bytes_per_second: float
    operations_per_second: float

    def least_seconds(self, work: Work) -> float:
        """The roofline: what moves the data takes, or what computes, whichever is longer."""
        return max(work.bytes / self.bytes_per_second, work.operations / self.operations_per_second)


def measured(rounds: int = _ROUNDS) -> Machine:
    """Figures of this machine, each the best of `rounds`: what disturbs can only make them smaller."""
    # Products of single precision in BLAS and copies within the caches: the quickest that there is of either.
    a = np.ones((_PRODUCT, _PRODUCT), np.float32)
    product = np.empty_like(a)
    operations = 2 * _PRODUCT**3 / _shortest(lambda: np.matmul(a, a, out=product), rounds)
    return Machine(max(_copied(kib << 10, rounds) for kib in _COPIED_KIB), operations)


def require_plausible(seconds: float, work: Work, machine: Machine) -> float:
    """The share of the roofline that a call of so many seconds reaches.

    Raises:
        Rejected: it is faster than the machine, even measured at greater length: then the time is wrong, or the work was
            not done. It is refused and not cut, since a cut would be a score.
    """
    if seconds >= _MARGIN * machine.least_seconds(work):
        return machine.least_seconds(work) / seconds
    longer = measured(_MORE_ROUNDS)
    machine = Machine(
        max(machine.bytes_per_second, longer.bytes_per_second),
        max(machine.operations_per_second, longer.operations_per_second),
    )
    least = machine.least_seconds(work)
    if seconds < _MARGIN * least:
        raise Rejected(
            f"expected a call to take at least {1e6 * least:.3g} us, which this machine needs for {work.bytes} bytes and "
            f"{work.operations} operations; got {1e6 * seconds:.3g} us: too fast to be true"
        )
    return least / seconds


def _copied(size: int, rounds: int) -> float:
    source = np.ones(size, np.uint8)
    target = np.empty_like(source)
    copies = max(1, _COPIES * (32 << 10) // size)

    def copy() -> None:
        for _ in range(copies):
            np.copyto(target, source)

    return 2 * copies * size / _shortest(copy, rounds)


def _shortest(work: Callable[[], object], rounds: int) -> float:
    shortest = float("inf")
    for _ in range(rounds + 1):
        before = time.thread_time()
        work()
        shortest = min(shortest, time.thread_time() - before)
    return max(shortest, 1e-9)
