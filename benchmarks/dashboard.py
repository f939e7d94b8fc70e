"""What the dashboard costs a reader.

    python -m benchmarks.dashboard [--programs 10000] [--seconds 20] [--events-per-second 20] [--hours 1]

Prints one JSON object: the bytes of a first load as they are sent, the time until a run of so many programs can be read,
the share of the page's main thread that live events of that run take (`TaskDuration` of the browser's own metrics), and what
the page holds while as many events come as in an hour, faster: its objects after what is unused was collected, and
beside them its arrays, which hold some 70 bytes of each program. The pages must be built (`make dashboard`); the run is made of
rows in a database of its own, and its events are appended live.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks.million import ISLANDS, ROWS
from database import events, people, runs
from database.embedded import EmbeddedPostgres
from database.engine import Database
from database.migrate import upgrade
from evolution.evaluation import Tier, Verdict
from evolution.events import Admitted
from evolution.run import RunConfig
from galapagos.problem_folder import find_problem_folder, read_problem_folder
from tests.server.test_process import serving

TICK_S = 0.25
SETTLE_S = 3.0
BATCH = 500
PARTS = 6
_HELD = {"objects_mb": "usedSize", "arrays_mb": "backingStorageSize"}
_EVENTS = """
    INSERT INTO event (run, number, kind, payload)
    SELECT :run, n, 'admitted', json_build_object('kind', 'admitted', 'number', n, 'program', n, 'evaluation', n,
        'verdict', CASE WHEN n % 10 = 0 THEN 'crashed' ELSE 'scored' END,
        'score', CASE WHEN n % 10 > 0 THEN 2 + (n::bigint * 7919 % 999983) / 1e6 END,
        'features', CASE WHEN n % 10 > 0 THEN '[1000.0, 12.0]'::json END, 'length', 1000, 'literals', 12,
        'cell', CASE WHEN n % 10 > 0 THEN '[6, 4]'::json END,
        'placement', CASE WHEN n % 10 > 0 THEN 'not_better' ELSE 'no_score' END)
    FROM generate_series(1, :programs) n
"""
_NEWEST = "UPDATE run SET as_of_event = {newest} WHERE id = {run}"


async def fill(url: str, programs: int) -> tuple[int, str]:
    """A run with so many programs, all of them admitted, and an administrator's token."""
    await upgrade(url)
    problem = read_problem_folder(find_problem_folder("circle_packing_26"))
    async with Database(url) as database:
        async with database.begin() as connection:
            run = await runs.create(
                connection, problem, RunConfig(), 1, Tier.PLAIN, normalised_hash=b"seed", length=1000, literals=12
            )
        rows = [row for row in ROWS if "INTO event" not in row and "UPDATE run" not in row]
        for row in [*rows, _EVENTS, _NEWEST.format(newest=":programs", run=":run")]:
            filled = row.replace(":programs", str(programs)).replace(":islands", str(ISLANDS)).replace(":run", str(run))
            async with database.begin() as connection:
                await connection.exec_driver_sql(filled)
        async with database.begin() as connection:
            return run, (await people.first_administrator(connection, "bench")).text


def admitted(number: int) -> Admitted:
    """What a controller would say of one more program."""
    return Admitted(
        number=number,
        program=number,
        evaluation=number,
        verdict=Verdict.SCORED,
        score=2.0 + number % 997 / 1e3,
        features=(1000.0, 12.0),
        length=1000,
        literals=12,
        cell=(6, 4),
        placement="not_better",
    )


async def go_on(url: str, run: int, newest: int, per_s: float, stop: threading.Event) -> int:
    """Append events at an even pace until it is to stop; returns how many."""
    began, made = time.monotonic(), 0
    async with Database(url, pool_size=1) as database:
        while not stop.is_set():
            due = int((time.monotonic() - began) * per_s) - made
            if due > 0:
                fresh = [admitted(newest + made + place) for place in range(1, due + 1)]
                async with database.begin() as connection:
                    await events.append(connection, run, newest + made, fresh)
                    await connection.exec_driver_sql(_NEWEST.format(newest=newest + made + due, run=run))
                made += due
            await asyncio.sleep(TICK_S)
    return made


def first_load(browser: Browser, address: str, token: str, run: int) -> tuple[Page, dict[str, Any]]:
    """Open a run as somebody who has never been there; returns the page, and what that took."""
    context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.goto(f"/#token={token}")
    page.wait_for_selector("header.top")
    # The session stays, and everything is read anew.
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.clearBrowserCache")
    sizes: dict[str, list[float]] = {"pages": [], "answers": []}
    kinds: dict[str, str] = {}
    session.on("Network.responseReceived", lambda told: kinds.update({told["requestId"]: told["response"]["url"]}))
    session.on(
        "Network.loadingFinished",
        lambda told: sizes["answers" if "/api/" in kinds.get(told["requestId"], "") else "pages"].append(
            told["encodedDataLength"]
        ),
    )
    began = time.monotonic()
    page.goto(f"/runs/{run}", wait_until="commit")
    page.wait_for_selector("main h1")
    title = time.monotonic() - began
    page.wait_for_function("() => /Scores of [1-9]/.test(document.querySelector('.scores')?.getAttribute('aria-label') ?? '')")
    chart = time.monotonic() - began
    page.wait_for_timeout(1000 * SETTLE_S)
    told = {f"{kind}_kb": round(sum(found) / 1000, 1) for kind, found in sizes.items()}
    return page, told | {"title_s": round(title, 3), "chart_s": round(chart, 3)}


def busy(session: CDPSession) -> float:
    """Seconds that the page's main thread has worked so far."""
    found = {item["name"]: item["value"] for item in session.send("Performance.getMetrics")["metrics"]}
    return float(found["TaskDuration"])


def heap_mb(session: CDPSession) -> float:
    """Megabytes of the page's objects after what is unused was collected."""
    session.send("HeapProfiler.collectGarbage")
    return round(float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6, 1)


def live(page: Page, url: str, run: int, programs: int, seconds: float, per_s: float) -> dict[str, Any]:
    """Let events come while the page is looked at."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.enable")
    stop, made = threading.Event(), [0]
    thread = threading.Thread(target=lambda: made.__setitem__(0, asyncio.run(go_on(url, run, programs, per_s, stop))))
    before, heap, began = busy(session), heap_mb(session), time.monotonic()
    thread.start()
    page.wait_for_timeout(1000 * seconds)
    worked, took = busy(session) - before, time.monotonic() - began
    stop.set()
    thread.join()
    return {
        "events": made[0],
        "events_per_s": round(made[0] / took, 1),
        "main_thread_share": round(worked / took, 4),
        "heap_before_mb": heap,
        "heap_after_mb": heap_mb(session),
    }


async def append_fast(url: str, run: int, newest: int, count: int) -> None:
    """Append so many events behind event `newest`, as fast as the database takes them."""
    async with Database(url, pool_size=1) as database:
        for begin in range(newest, newest + count, BATCH):
            size = min(BATCH, newest + count - begin)
            async with database.begin() as connection:
                await events.append(connection, run, begin, [admitted(begin + place) for place in range(1, size + 1)])
                await connection.exec_driver_sql(_NEWEST.format(newest=begin + size, run=run))


def hours_of(page: Page, url: str, run: int, newest: int, count: int) -> list[dict[str, Any]]:
    """What the page holds before so many more events, and at each sixth of them, once it shows them all."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    held: list[dict[str, Any]] = []
    for part in range(PARTS + 1):
        reached = newest + count * part // PARTS
        before = newest + count * (part - 1) // PARTS
        if part > 0:
            thread = threading.Thread(target=lambda a=before, b=reached: asyncio.run(append_fast(url, run, a, b - a)))
            thread.start()
            thread.join()
        shown = f"Scores of {reached:,} programs"
        page.wait_for_function(
            "shown => document.querySelector('.scores').getAttribute('aria-label').startsWith(shown)",
            arg=shown,
            timeout=120_000,
        )
        session.send("HeapProfiler.collectGarbage")
        usage = session.send("Runtime.getHeapUsage")
        mb = {name: round(float(usage[key]) / 1e6, 1) for name, key in _HELD.items()}
        held.append({"events": reached - newest, **mb})
    return held


def main() -> int:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--events-per-second", type=float, default=20.0)
    parser.add_argument("--hours", type=float, default=1.0, help="of events, whose memory is measured")
    chosen = parser.parse_args()
    place = shutil.which("chromium")
    if place is None:
        print("expected the program chromium; run: sudo apt-get install -y chromium", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="galapagos-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with EmbeddedPostgres(folder / "database") as server:
            run, token = asyncio.run(fill(server.url, chosen.programs))
            with serving(server.url) as (_, address), sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=place, args=["--no-sandbox"])
                page, load = first_load(browser, address, token, run)
                cost = live(page, server.url, run, chosen.programs, chosen.seconds, chosen.events_per_second)
                seen = chosen.programs + int(cost["events"])
                held = hours_of(page, server.url, run, seen, int(3600 * chosen.hours * chosen.events_per_second))
                browser.close()
    beside = {"load_average": [round(part, 1) for part in os.getloadavg()]}
    told = {"programs": chosen.programs, "first_load": load, "live": cost, "held": held}
    print(json.dumps(beside | told, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
