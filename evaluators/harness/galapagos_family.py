"""A process and all its living descendants, found through /proc, and the order to them to stay as few as they are."""

import os
import resource
from collections.abc import Iterator


def family(pid: int) -> Iterator[int]:
    """`pid` and all its living descendants. Orphans of a namespace or a subreaper stay in the family."""
    yield pid
    try:
        tasks = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - pathlib would be one more import in every zygote
    except OSError:
        return
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:  # noqa: PTH123 - as above
                children = file.read().split()
        except OSError:
            continue
        for child in children:
            yield from family(int(child))


def forbid_new_tasks(pid: int) -> None:
    """From now on nobody in the family of `pid` starts a process or a thread; asks for the uid of the family.

    Members found late are sealed in further rounds, until two in a row find nobody new.
    """
    sealed: set[int] = set()
    quiet = 0
    while quiet < 2:
        found = [member for member in family(pid) if member not in sealed]
        quiet = 0 if found else quiet + 1
        for member in found:
            sealed.add(member)
            try:
                resource.prlimit(member, resource.RLIMIT_NPROC, (0, 0))
            except ProcessLookupError:
                continue
