"""A run in which every text that somebody else writes tries to take the page over."""

import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from evolution.commands import Annotate, InjectIdea
from evolution.run import Budget, ModelChoice, RunConfig, RunState
from galapagos import Client
from tests.dashboard.service import Service
from tests.galapagos.command import problem_folder

HOSTILE = (
    "<script>window.attacked=1</script><img src=x onerror=window.attacked=1>\x1b[2J\x1b]0;owned\x07\u202egnp.exe\u2066 \x9b5n"
)
LINE = "A" * 1_000_000
TOML = f"""
name = "trap"
title = '''A trap {HOSTILE.replace(chr(27), "").replace(chr(7), "")}'''
statement = '''{HOSTILE.replace(chr(27), "").replace(chr(7), "")}\n{LINE}'''
seed = ["program.py"]
picture = "picture"
[score]
unit = "m<b>m</b>\u202e"
[[known]]
name = "best {"B" * 300}"
value = 10.0
source = "<a href='javascript:window.attacked=1'>paper</a>\u202e{"C" * 300}"
[limits]
memory_mib = 256
source_kib = 1024
[[stages]]
name = "score"
timeout_s = 10.0
""".replace("\x9b", "")
SEED = "# EVOLVE-BLOCK-START\ndef answer():\n    return 1.0\n# EVOLVE-BLOCK-END\n"
JUDGE = f"""
from galapagos_judge import Rejected

HOSTILE = {HOSTILE!r}

def evaluate(candidate, context):
    x = float(candidate.call("answer"))
    context.log(HOSTILE + "D" * 1_000_000)
    if x == 7.0:
        raise Rejected(HOSTILE + "E" * 1_000_000)
    return {{"score": 10.0 - abs(x - 3.2), "metrics": {{"F" * 64: x}}, "feedback": HOSTILE + "G" * 1_000_000}}


def picture(candidate, context):
    other = "" if candidate.call("answer") == 1.0 else FOREIGN
    return DRAWING.replace("</svg>", other + "</svg>")


DRAWING = '''<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" onload="window.attacked=1">
    <script>window.attacked=1</script><image href="http://127.0.0.1:9/x.png" width="9" height="9"/>
    <circle cx="4" cy="4" r="3" onclick="window.attacked=1"/></svg>'''
FOREIGN = '''<foreignObject width="9" height="9">
    <img xmlns="http://www.w3.org/1999/xhtml" src="x" onerror="window.attacked=1"/></foreignObject>'''
"""
BROKEN = f"def evaluate(candidate, context):\n    raise RuntimeError({HOSTILE!r} + 'M' * 1_000_000)\n"
BODIES = (
    f"print({HOSTILE!r} + 'H' * 1_000_000)\n    return 2.0  # {HOSTILE[:70]} {LINE[:900_000]}",
    "return 7.0",
    f"raise ValueError({HOSTILE!r} + 'I' * 1_000_000)",
)
"""What the answers of the model do: one is scored, one is wrong, one crashes."""


@dataclass(frozen=True)
class Trap:
    run: int
    revision: str
    broken: int
    """A run whose judge failed, with an error that attacks."""


def trap(service: Service, folder: Path) -> Trap:
    """The run: answered in the model's place by texts that attack, told such texts, and at its end."""
    problem = problem_folder(folder / "trap", toml=TOML, seed=SEED, judge=JUDGE)
    with service.client() as client:
        revision = client.submit(problem).revision
        config = RunConfig(
            models=(ModelChoice(name="team", weight=1.0),), mutate=False, tune=False, in_flight=1, budget=Budget(evaluations=9)
        )
        run = client.start("trap", config, seed=1).id
        client.tell(run, InjectIdea(text=HOSTILE + "J" * 3000))
        client.tell(run, Annotate(text=HOSTILE + "K" * 3000))
        client.tell(run, Annotate(text=HOSTILE + "L" * 3000, program=0))
        answer(service, run)
        client.stop(run)
        broken = problem_folder(
            folder / "broken", toml=TOML.replace('"trap"', '"broken"').replace(LINE, ""), seed=SEED, judge=BROKEN
        )
        client.submit(broken)
        fails = client.start("broken", RunConfig(budget=Budget(evaluations=1)), seed=1).id
        for ends in (run, fails):
            _until_ended(client, ends, service)
        return Trap(run, revision, fails)


def answer(service: Service, run: int) -> None:
    """Give the answers, each when it is asked for, and a last one that is no program."""
    headers = {"Authorization": f"Bearer {service.tokens['worker']}"}
    with httpx.Client(base_url=f"{service.address}/api/v1/work", headers=headers, timeout=40) as work:
        for body in (*BODIES, None):
            asked = work.post("/lease", json={"run": run, "wait_s": 30}).raise_for_status()
            assert asked.status_code == 200, service.said()
            assignment = asked.json()
            said = LINE[:900_000] if body is None else ""
            program = f"```python\n# EVOLVE-BLOCK-START\ndef answer():\n    {body}\n# EVOLVE-BLOCK-END\n```"
            text = f"{HOSTILE} {said}\n" + ("" if body is None else program)
            given = {"lease": assignment["lease"], "text": text}
            work.post(f"/{assignment['id']}/answer", json=given).raise_for_status()


def _until_ended(client: Client, run: int, service: Service) -> None:
    until = time.monotonic() + 30
    while client.run(run).state is not RunState.FINISHED:
        assert time.monotonic() < until, service.said()
        time.sleep(0.05)
