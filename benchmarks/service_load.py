"""Clients of a service, in a process of their own: followers of a run's events, and readers.

    python -m benchmarks.service_load URL TOKEN RUN --streams 1000 --reads 100 --seconds 30

Prints one JSON object. `lag_ms` is the time from the start of the transaction that wrote an event (so the time until its
commit is counted too) to its arrival, over all streams and all events; clocks are those of one machine.
"""

import argparse
import asyncio
import json
import time
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx


class Follower:
    """One stream, read as raw as possible: what the generator costs is taken from the service."""

    times: dict[int, float] = {}
    """When the transaction of each event began, in seconds since the epoch, by the event's number; shared by all."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[int, float]] = []
        self.messages = 0

    async def follow(self, host: str, port: int, path: str, token: str) -> None:
        """Connect and read for ever."""
        reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        while line := await reader.readline():
            if line.startswith(b"id: "):
                self.messages += 1
                self.arrivals.append((int(line[4:]), time.time()))
            elif line.startswith(b"data: "):
                self._note(line)

    def _note(self, line: bytes) -> None:
        if self.arrivals[-1][0] in self.times:
            return
        for event in json.loads(line[6:]):
            self.times[event["number"]] = datetime.fromisoformat(event["at"]).timestamp()


async def read_again_and_again(client: httpx.AsyncClient, paths: list[str], reads: float, until: float) -> list[float]:
    """`reads` requests a second until the time `until`; returns the seconds that each took."""
    took: list[float] = []
    running: set[asyncio.Task[None]] = set()

    async def one(path: str) -> None:
        began = time.perf_counter()
        response = await client.get(path)
        assert response.status_code == 200, (path, response.text[:300])
        took.append(time.perf_counter() - began)

    started, asked = time.perf_counter(), 0
    while time.time() < until:
        task = asyncio.create_task(one(paths[asked % len(paths)]))
        running.add(task)
        task.add_done_callback(running.discard)
        asked += 1
        await asyncio.sleep(max(0.0, started + asked / reads - time.perf_counter()))
    await asyncio.gather(*running)
    return took


async def load(url: str, token: str, run: int, streams: int, reads: float, seconds: float) -> dict[str, Any]:
    """All clients for `seconds`; the first two of them are for connecting and do not count."""
    address = urlsplit(url)
    stream = f"{address.path}/runs/{run}/events/stream"
    base = f"/runs/{run}"
    paths = [f"{base}/events?limit=100"]
    followers = [Follower() for _ in range(streams)]
    tasks: list[asyncio.Task[None]] = []
    for follower in followers:
        tasks.append(asyncio.create_task(follower.follow(address.hostname or "", address.port or 80, stream, token)))
        if len(tasks) % 50 == 0:
            await asyncio.sleep(0.05)
    await asyncio.sleep(2)
    begin, cpu = time.time(), time.process_time()
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        took = await read_again_and_again(client, [url + path for path in paths], reads, begin + seconds)
    cpu = time.process_time() - cpu
    failed = [task for task in tasks if task.done()]
    if failed:
        raise SystemExit(f"{len(failed)} streams ended; the first one: {failed[0].exception()!r}")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    lags = _lags(followers, begin)
    counted = [sum(at >= begin for _, at in follower.arrivals) / seconds for follower in followers]
    return {
        "streams": streams,
        "events": len(Follower.times),
        "messages_per_stream_and_s": round(max(counted), 2),
        "lag_ms": _percentiles(lags),
        "reads": len(took),
        "read_ms": _percentiles(took),
        "generator_cpu_share": round(cpu / seconds, 3),
    }


def _lags(followers: list[Follower], begin: float) -> list[float]:
    lags: list[float] = []
    for follower in followers:
        last: int | None = None
        for number, at in follower.arrivals:
            if at >= begin and last is not None:
                lags += [at - Follower.times[event] for event in range(last + 1, number + 1) if event in Follower.times]
            last = number
    return lags


def _percentiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        name: round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
    }


def main() -> None:
    """Load a service and print what came."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("run", type=int)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--reads", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=30)
    chosen = parser.parse_args()
    found = load(chosen.url, chosen.token, chosen.run, chosen.streams, chosen.reads, chosen.seconds)
    print(json.dumps(asyncio.run(found)))


if __name__ == "__main__":
    main()
