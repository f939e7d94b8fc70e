"""Alerts are sent to a real receiver: signed, again until they arrive, and never to the inside."""

import asyncio
import hashlib
import hmac
import ipaddress
import json
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy as sa

from database import webhooks
from database.engine import Database
from database.webhooks import Delivery
from evolution.alerts import AlertKind
from server.alerts import Alerts
from server.outside import AddressRefused, pinned, public
from tests.server.conftest import Team
from tests.server.test_failures import told
from tests.server.test_process import serving

SECRET = "a secret of the team"  # noqa: S105 - of this test
PATIENCE_S = 20.0


@dataclass
class Receiver:
    """What came, and what is answered: statuses in order, the last one again and again; None is silence."""

    answers: list[int | None]
    url: str = ""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    silent_until: threading.Event = field(default_factory=threading.Event)

    def answer(self) -> int | None:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def receiving(*answers: int | None) -> Generator[Receiver]:
    receiver = Receiver(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.came.append((dict(self.headers), body))
            receiver.asked.set()
            status = receiver.answer()
            if status is None:
                receiver.silent_until.wait(PATIENCE_S)
                return
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_said: Any) -> None:
            """Nothing is written."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook?of=team"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.silent_until.set()
        server.shutdown()
        server.server_close()
        thread.join()


async def hooked(database: Database, url: str) -> int:
    async with database.begin() as connection:
        made, _ = await webhooks.create(
            connection, 1, url=url, secret=SECRET, kinds=[AlertKind.RUN_ENDED], shares=[100], plateau_evaluations=None,
            plateau_seconds=None, by=None,
        )  # fmt: skip
        await webhooks.test(connection, 1, made.id)
    return made.id


async def until(database: Database, webhook: int, seen: Callable[[Delivery], bool]) -> Delivery:
    """The delivery once it is as wanted; what waits to be tried again is due at once."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        async with database.begin() as connection:
            (found,) = await webhooks.deliveries(connection, 1, webhook, None, 2)
            if seen(found):
                return found
            if found.failure is not None:
                await connection.execute(sa.text("UPDATE delivery SET next_at = now() WHERE next_at IS NOT NULL"))
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


async def test_a_delivery_is_signed_and_tried_again_until_it_arrives(database: Database) -> None:
    with receiving(500, 302, 204) as receiver:
        webhook = await hooked(database, receiver.url)
        async with Alerts(database, private=True).running():
            found = await until(database, webhook, lambda item: item.delivered_at is not None)
    assert (found.attempts, found.status, found.failure) == (3, 204, None)
    assert len(receiver.came) == 3, "a redirect is not followed"
    for headers, body in receiver.came:
        at = headers["Galapagos-Timestamp"]
        mine = hmac.digest(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hex()
        assert headers["Galapagos-Signature"] == f"v1={mine}"
        assert abs(time.time() - int(at)) < 60
        assert (headers["Galapagos-Delivery"], headers["Galapagos-Kind"]) == (str(found.id), "test")
        assert headers["Host"] == receiver.url.split("/")[2]
        assert json.loads(body) == found.payload | {"id": found.id}


async def test_one_whose_sender_was_killed_is_sent_by_another(database: Database, database_url: str) -> None:
    with receiving(None, 200) as receiver:
        webhook = await hooked(database, receiver.url)
        with serving(database_url, webhook_private="true") as (process, _):
            assert await asyncio.to_thread(receiver.asked.wait, PATIENCE_S)
            process.kill()
            process.wait()
        async with Alerts(database, private=True).running():
            await asyncio.sleep(0.2)
            assert len(receiver.came) == 1, "it is leased"
            async with database.begin() as connection:
                await connection.execute(sa.text("UPDATE delivery SET next_at = now()"))
            found = await until(database, webhook, lambda item: item.delivered_at is not None)
    assert found.attempts == 2
    assert [headers["Galapagos-Delivery"] for headers, _ in receiver.came] == [str(found.id)] * 2


async def test_whatever_keeps_deliveries_from_being_read_ends_in_time(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("server.alerts.SEND_S", 0.05)
    with receiving(200) as receiver:
        webhook = await hooked(database, receiver.url)
        async with database.begin() as connection:
            await connection.execute(sa.text("ALTER TABLE delivery RENAME TO gone"))
        async with Alerts(database, private=True).running():
            await asyncio.sleep(0.3)
            assert "deliveries wait for the database" in caplog.text
            async with database.begin() as connection:
                await connection.execute(sa.text("ALTER TABLE gone RENAME TO delivery"))
            await until(database, webhook, lambda item: item.delivered_at is not None)


async def test_the_inside_is_not_asked(database: Database) -> None:
    with receiving(200) as receiver:
        webhook = await hooked(database, receiver.url)
        async with Alerts(database, private=False).running():
            found = await until(database, webhook, lambda item: item.failure is not None)
        assert "an address of the inside" in (found.failure or "")
        assert receiver.came == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.1.2.3", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
        "2001:0:53aa:64c:0:0:80ff:fffe",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_addresses_that_are_public(address: str) -> None:
    assert public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/",
        "http://",
        "example.org",
        "http://me:secret@example.org/",
        "http://x/#y",
        "http://[::1",
    ],
)
async def test_addresses_that_cannot_be_asked(url: str, team: Team) -> None:
    with pytest.raises(AddressRefused):
        await pinned(url, private=True)
    body = told(await team.admin.post("/projects/1/webhooks", json={"url": url, "kinds": ["run_ended"]}), 422)
    assert body["errors"][0]["field"] == "body.url"


async def test_what_was_looked_at_is_what_is_asked() -> None:
    with pytest.raises(AddressRefused, match="an address of the inside"):
        await pinned("http://localhost:8080/x", private=False)
    place = await pinned("http://localhost:8080/x?y=1", private=True)
    assert place.url.host in {"127.0.0.1", "::1"}
    assert (place.url.port, place.url.raw_path, place.host, place.name) == (8080, b"/x?y=1", "localhost:8080", "localhost")


async def test_webhooks_over_http(team: Team) -> None:
    wanted = {"url": "https://example.org/hook", "kinds": ["plateau", "budget"], "plateau_seconds": 60}
    made = (await team.admin.post("/projects/1/webhooks", json=wanted)).json()
    assert (made["shares"], made["plateau_seconds"], made["plateau_evaluations"]) == ([50, 80, 100], 60, None)
    assert len(made["secret"]) > 30
    (listed,) = (await team.admin.get("/projects/1/webhooks")).json()["items"]
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    told(await team.admin.post("/projects/1/webhooks", json={**wanted, "plateau_seconds": None}), 422)
    told(await team.admin.post("/projects/1/webhooks", json={**wanted, "kinds": ["test"]}), 422)
    told(await team.admin.post("/projects/1/webhooks", json={**wanted, "secret": "short"}), 422)
    place = f"/projects/1/webhooks/{made['id']}"
    tests = [(await team.admin.post(f"{place}/test")).json()["id"] for _ in range(3)]
    first = (await team.admin.get(f"{place}/deliveries", params={"limit": 2})).json()
    rest = (await team.admin.get(f"{place}/deliveries", params={"limit": 2, "cursor": first["next"]})).json()
    assert [item["id"] for item in (*first["items"], *rest["items"])] == tests[::-1]
    log = (await team.root.get("/audit")).json()["items"]
    assert log[0]["action"] == "create_webhook"
    assert "example.org" not in str(log)
    assert made["secret"] not in str(log)
    assert (await team.admin.delete(place)).status_code == 204
    told(await team.admin.delete(place), 404)
