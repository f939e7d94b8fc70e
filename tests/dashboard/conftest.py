"""A browser, and a service that all tests of the dashboard share."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from database.embedded import EmbeddedPostgres
from server.dashboard_files import BUILT
from tests.conftest import TEMPLATE, administer, named_database
from tests.dashboard.service import Service, whole_service
from tests.server.oidc_provider import serving_provider

Reader = Callable[..., Page]
"""`reader("viewer")`: a page of somebody who is signed in."""
_NAME = "dashboard"


@pytest.fixture(scope="package")
def service(postgres: EmbeddedPostgres) -> Generator[Service]:
    """The processes, on a database of their own; they end with these tests, since their run would slow all others."""
    if not (BUILT / "index.html").is_file():
        pytest.skip(f"THE DASHBOARD IS NOT TESTED HERE: expected it in {BUILT}; run: make dashboard")
    asyncio.run(administer(postgres, f"CREATE DATABASE {_NAME} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"))
    folder = Path(tempfile.mkdtemp(prefix="galapagos-test-dashboard-"))
    folder.chmod(0o755)
    try:
        with (
            serving_provider() as provider,
            tempfile.TemporaryFile() as log,
            whole_service(named_database(postgres, _NAME), log, folder, provider.issuer) as made,
        ):
            yield made
    finally:
        shutil.rmtree(folder)
        asyncio.run(administer(postgres, f"DROP DATABASE {_NAME} WITH (FORCE)"))


@pytest.fixture(scope="package")
def browser(service: Service) -> Generator[Browser]:
    """The system's Chromium, without a window. It comes after the service: while it is there, this thread has a loop."""
    place = shutil.which("chromium")
    if place is None:
        pytest.skip("THE DASHBOARD IS NOT TESTED HERE: expected the program chromium; run: sudo apt-get install -y chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=place, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def reader(browser: Browser, service: Service) -> Generator[Reader]:
    """Pages in contexts of their own; at the end none of them has failed, or been stopped by the policy of its content."""
    complaints: list[str] = []
    contexts = []

    def opened(name: str | None = "admin", path: str = "/", **options: object) -> Page:
        chosen: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}} | options
        context = browser.new_context(base_url=service.address, **chosen)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
        if name is not None:
            signed = context.request.post("/api/v1/session", data={"token": service.tokens[name]}, headers={"X-Galapagos": "1"})
            assert signed.ok, signed.text()
        page.goto(path)
        page.wait_for_selector("header.top, form" if name is None else "header.top")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def paused(service: Service) -> Generator[int]:
    """The number of the best program of the run, which rests meanwhile: it stands still, and leaves the machine to the test."""
    with service.client() as client:
        client.pause(service.run)
        best = service.until("paused")
        yield best
        client.resume(service.run)
        service.until("running")
