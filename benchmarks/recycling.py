"""How soon a slot is ready again after a hostile candidate.

    python -m benchmarks.recycling [--rounds 5] [--tier namespaces]

Each hostile candidate goes on until its deadline, so what is over the deadline is the slot's: to end it, to see that nothing
of it is left, and to start the next candidate. That next one is honest, and what it takes longer than after an honest
one counts, too. Prints one JSON object: by kind the median and the worst of the milliseconds over all rounds, and those of
an honest candidate from request to result. The bar is 30 ms.
"""

import argparse
import asyncio
import json
import statistics
import time

from evaluators.sandbox import Cause, Job, Packages, Sandbox, open_sandbox
from evolution.evaluation import Purpose, Tier
from evolution.problem import Limits, problem_from_files

TIMEOUT_S = 0.4
HONEST = 20
_LIMITS = Limits(memory_mib=2048, processes=32, files_mib=64)
_JUDGE = b"def evaluate(candidate, context):\n    return {'score': candidate.call('f')}\n"
_PROGRAM = b"# EVOLVE-BLOCK-START\ndef f():\n    return 1\n# EVOLVE-BLOCK-END\n"
_PROBLEM = {
    "problem.toml": b'name = "recycling"\ntitle = "Recycling"\nstatement = "None."\nseed = ["program.py"]\n',
    "program.py": _PROGRAM,
    "judge.py": _JUDGE,
}
_FOREVER = "    while True: pass\n"
_CALM = "    import time\n    time.sleep(60)\n"
KINDS = {
    "endless loop": f"def f():\n{_FOREVER}",
    "stopped": f"import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGSTOP)\n{_CALM}",
    "fork bomb": """
import os
def f():
    while True:
        try:
            if os.fork() == 0:
                os.setsid()
        except OSError:
            pass
""",
    "threads": """
import threading
def spin():
    while True: pass
def f():
    try:
        while True:
            threading.Thread(target=spin, daemon=True).start()
    except RuntimeError:
        spin()
""",
    "orphans": f"""
import os
def f():
    for _ in range(8):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.read(os.pipe()[0], 1)
            os._exit(0)
        os.wait()
{_CALM}""",
    "400 MB of memory": f"def f():\n    x = bytearray(400 << 20)\n    x[::4096] = bytes(len(x) // 4096)\n{_CALM}",
    "60 MB of files": f"def f():\n    open('file', 'wb').write(bytes(60 << 20))\n{_CALM}",
    "1000 files": f"def f():\n    for number in range(1000): open(str(number), 'w').close()\n{_CALM}",
    "deep folders": f"import os\ndef f():\n    for _ in range(15):\n        os.mkdir('d' * 200); os.chdir('d' * 200)\n{_CALM}",
    "full log": f"import os\ndef f():\n    os.system('yes | head -c 10000000')\n{_CALM}",
}


def _job(source: str, timeout_s: float) -> Job:
    return Job(
        files={"program.py": source},
        entry="evaluate",
        purpose=Purpose.SEARCH,
        stage="score",
        repeat=0,
        seed=bytes(32),
        timeout_s=timeout_s,
        limits=_LIMITS,
    )


async def _wall_s(sandbox: Sandbox, source: str, expected: Cause, timeout_s: float = 10.0) -> float:
    started = time.perf_counter()
    result = await sandbox.run(_job(source, timeout_s))
    if result.cause is not expected:
        raise SystemExit(f"expected {expected}; got {result.cause}: {result.message}; program:\n{source}")
    return time.perf_counter() - started


async def measure(tier: Tier, rounds: int) -> dict[str, list[float]]:
    """Seconds until the slot is ready again, by kind; one of each kind a round."""
    sandbox = open_sandbox(tier, problem_from_files(_PROBLEM), Packages())
    await sandbox.start()
    spent: dict[str, list[float]] = {"honest candidate": [], **{kind: [] for kind in KINDS}}
    honest = _PROGRAM.decode()
    try:
        for _ in range(rounds):
            usual = [await _wall_s(sandbox, honest, Cause.OK) for _ in range(HONEST)]
            spent["honest candidate"] += usual
            for kind, source in KINDS.items():
                over = await _wall_s(sandbox, source, Cause.TIMED_OUT, TIMEOUT_S) - TIMEOUT_S
                spent[kind].append(over + await _wall_s(sandbox, honest, Cause.OK) - statistics.median(usual))
    finally:
        await sandbox.close()
    return spent


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tier", type=Tier, default=Tier.NAMESPACES)
    chosen = parser.parse_args()
    spent = asyncio.run(measure(chosen.tier, chosen.rounds))
    table = {
        kind: {"median": round(1000 * statistics.median(values), 1), "worst": round(1000 * max(values), 1)}
        for kind, values in spent.items()
    }
    print(json.dumps({"ready_after_ms": table}, indent=2))


if __name__ == "__main__":
    main()
