"""Runs with models, whose endpoint is a real HTTP server that answers well, badly, late, in part, or not at all."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.openai_server import Cuts, Hangs, OpenAiServer, Reply, Says, Status, serving
from tests.processes.kit import TWENTY, Ended, galapagos, served

PRICE_IN, PRICE_OUT = 3_000_000, 15_000_000

HOSTILE = {
    "loops": "    while True:\n        pass",
    "leaves": "    import os\n    os._exit(0)",
    "forks": "    import os\n    while True:\n        os.fork()",
    "eats memory": "    kept = []\n    while True:\n        kept.append(bytearray(50_000_000))",
    "writes": "    open('/usr/score.json', 'w').write('1')\n    return [0.0] * 20",
    "calls out": "    import socket\n    socket.create_connection(('127.0.0.1', 80))\n    return [0.0] * 20",
}


def models_file(folder: Path, server: OpenAiServer, **more: Any) -> Path:
    """Two names for the scripted server, both with a price."""
    keys = {
        "base_url": server.base_url, "model": "scripted", "price_in": PRICE_IN, "price_out": PRICE_OUT, "max_tokens": 500,
        "timeout_s": 4, "silence_timeout_s": 1, "retries": 2, **more,
    }  # fmt: skip
    lines = [f"{key} = {value!r}".replace("'", '"') for key, value in keys.items()]
    path = folder / "models.toml"
    path.write_text("\n".join(f'[[models]]\nname = "{name}"\n' + "\n".join(lines) + "\n" for name in ("small", "large")))
    return path


def program(body: str) -> str:
    start, end = "# EVOLVE-BLOCK-START\n", "    # EVOLVE-BLOCK-END"
    seed = (TWENTY / "twenty.py").read_text()
    return f"```python\n{seed.partition(start)[0]}{start}{body}\n{end}{seed.partition(end)[2]}```"


def good(number: int) -> str:
    return program(f"    return [{', '.join(f'{((number + k) * 0.37) % 2 - 1:.3f}' for k in range(20))}]")


def run_with(server: OpenAiServer, folder: Path, *options: str) -> Ended:
    settings = {"GALAPAGOS_MODELS": str(models_file(folder, server))}
    chosen = ["--model", "small=3", "--model", "large", *options, "--seed", "1"]
    return galapagos("run", TWENTY, *chosen, data=folder / "data", settings=settings)


async def ask(data: Path, question: str) -> list[tuple[Any, ...]]:
    with served(data) as database:
        async with database as opened, opened.begin() as connection:
            return [tuple(row) for row in await connection.execute(sa.text(question))]


def mixed(number: int, _body: dict[str, Any]) -> Reply:
    """Every way in which an endpoint can answer, in turn."""
    broken = "<<<<<<< SEARCH\n    nothing like it\n=======\n    return []\n>>>>>>> REPLACE"
    replies: list[Reply] = [
        Says(good(number), usage=(400, 90)),
        Says(broken, usage=(400, 30)),
        Status(429, retry_after="0.1"),
        Says(good(number), usage=(410, 95)),
        Says("I would rather talk about it.", usage=(400, 10)),
        Status(500),
        Says(good(number), usage=(400, 80)),
        Cuts("```python\ndef sol"),
        Says(good(number), usage=None),
        Hangs(after_text="well"),
    ]
    return replies[number % len(replies)]


async def test_a_run_with_a_faulty_endpoint_ends_as_asked_and_pays_what_it_owes(open_folder: Path) -> None:
    with serving(mixed) as server:
        ended = run_with(server, open_folder, "--evaluations", "40", "--no-mutate", "--no-tune", "--budget", "1000")
    assert ended.code == 0, ended.told
    assert ended.result["evaluations"] == 40
    rows = await ask(open_folder / "data", "SELECT spent_micro_dollars, reserved_micro_dollars FROM account")
    owed = await ask(open_folder / "data", "SELECT sum(cost_micro_dollars), count(*) FROM completion")
    assert rows == [(owed[0][0], 0)]
    assert owed[0][1] == len(server.requests)
    assert ended.result["spent_micro_dollars"] == owed[0][0]
    refused = dict(
        await ask(open_folder / "data", "SELECT refusal, count(*) FROM proposal WHERE refusal IS NOT NULL GROUP BY 1")
    )
    assert refused["did_not_apply"] > 0
    assert refused["no_answer"] > 0


async def test_a_budget_ends_the_run_and_is_never_exceeded(open_folder: Path) -> None:
    with serving(mixed) as server:
        ended = run_with(server, open_folder, "--no-mutate", "--no-tune", "--budget", "0.3")
    assert ended.code == 0, ended.told
    assert ended.result["stop_reason"] == "money"
    assert 0 < ended.result["spent_micro_dollars"] <= 300_000
    rows = await ask(open_folder / "data", "SELECT reserved_micro_dollars FROM account")
    assert rows == [(0,)]


async def test_hostile_programs_get_their_verdicts_and_the_run_goes_on(open_folder: Path) -> None:
    bodies = list(HOSTILE.values())

    def script(number: int, _body: dict[str, Any]) -> Reply:
        # A comment would not make a program new: the constant does.
        body = f"    unlike = {number}\n{bodies[number % len(bodies)]}"
        return Says(program(body) if number < 3 * len(bodies) else good(number))

    with serving(script) as server:
        ended = run_with(server, open_folder, "--evaluations", "60", "--no-mutate", "--no-tune")
    assert ended.code == 0, ended.told
    assert ended.result["evaluations"] == 60
    verdicts = dict(
        await ask(open_folder / "data", "SELECT verdict, count(*) FROM evaluation WHERE purpose = 'search' GROUP BY 1")
    )
    assert verdicts["crashed"] >= 1
    assert verdicts["forbidden"] >= 1
    # On a busy machine the call's 2 s may be over before a gigabyte is touched; tests/sandbox holds the memory limit itself.
    assert verdicts["timed_out"] >= 1
    assert verdicts["timed_out"] + verdicts.get("out_of_memory", 0) >= 2
    assert (await ask(open_folder / "data", "SELECT count(*) FROM evaluation WHERE host_fault IS NOT NULL")) == [(0,)]
