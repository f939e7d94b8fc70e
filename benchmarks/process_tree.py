"""Processor time and memory of a process with all its descendants, read from /proc."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def descendants(root: int) -> list[int]:
    """Process ids of `root` and everything below it that is alive now."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting.extend(parents.get(pid, []))
    return found


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text[text.rindex(")") + 2 :].split()


def cpu_seconds(root: int) -> float:
    """User and system time of the tree, dead children that were waited for included."""
    total = 0
    for pid in descendants(root):
        fields = _stat(pid)
        total += sum(int(value) for value in fields[11:15]) if fields else 0
    return total / TICKS


def cpu_by_kind(root: int) -> dict[str, float]:
    """User and system time of the tree by kind of process, dead children counted with who waited for them."""
    kinds: dict[str, float] = {}
    for pid in descendants(root):
        fields = _stat(pid)
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        known = ("galapagos_zygote", "controller", "workers", "evaluators", "galapagos run")
        kind = "postgres" if is_postgres(pid) else next((name for name in known if name in command), "other")
        kinds[kind] = kinds.get(kind, 0.0) + sum(int(value) for value in fields[11:15]) / TICKS
    return kinds


def is_postgres(pid: int) -> bool:
    """Whether a process is the database server or one of its backends."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("postgres")
    except (FileNotFoundError, ProcessLookupError):
        return False


def pss_mib(root: int) -> dict[str, float]:
    """Proportional set size of the tree in MiB by command line (shortened), without Postgres."""
    sizes: dict[str, float] = {}
    for pid in descendants(root):
        if is_postgres(pid):
            continue
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[-60:]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        sizes[f"{pid} {command}"] = pss / 1024
    return sizes
