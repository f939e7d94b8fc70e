"""A program of somebody's as a child of the seed program: held to what any child is held to."""

from collections.abc import Mapping

from evolution.evolve_blocks import check_only_blocks_changed
from evolution.proposal import Refusal


class InjectionRefused(ValueError):
    """The program cannot be a child; `reason` is what its proposal is refused for."""

    def __init__(self, reason: Refusal, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def injected(seed: Mapping[str, str], given: Mapping[str, str], source_kib: int | None = None) -> dict[str, str]:
    """The files of the child: those of the run's seed program, with the given ones in their place.

    Raises:
        InjectionRefused: a file that the seed has not, text outside the EVOLVE-BLOCKs that differs, or a child of more
            than `source_kib` x 1024 characters.
    """
    child = {**seed, **given}
    if complaint := check_only_blocks_changed(seed, child):
        raise InjectionRefused(Refusal.OUTSIDE_EVOLVE_BLOCK, complaint)
    size = sum(map(len, child.values()))
    if source_kib is not None and size > source_kib * 1024:
        text = f"the program has {size} characters; at most {source_kib * 1024} are allowed"
        raise InjectionRefused(Refusal.TOO_LONG, text)
    return child
