"""What was spent, and which processes live, in a real browser."""

import asyncio
import re
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import sqlalchemy as sa
from playwright.sync_api import expect

from database import allowances, gpus
from database.engine import Database
from database.runs import DEFAULT_PROJECT
from evolution.gpu import Gpu, GpuHealth, GpuState, Throttle
from evolution.limits import Payer, Resource
from tests.dashboard.conftest import Reader
from tests.dashboard.service import Service


def test_spending_is_summed_up_sorted_and_shared_by_its_address(reader: Reader, service: Service) -> None:
    page = reader("viewer", "/spend")
    row = page.locator("tbody tr", has_text="default")
    expect(row.locator("[data-name=Evaluations]")).to_have_text(re.compile(r"\d"))
    page.get_by_role("button", name="Runs", exact=True).click()
    run = page.locator("tbody tr", has_text=re.compile(rf"#{service.run}\b"))
    expect(run.locator("[data-name=Evaluations]")).to_contain_text("of 100,000")
    expect(run.get_by_role("progressbar", name="Evaluations used")).to_be_visible()
    page.get_by_role("button", name="Evaluations", exact=True).click()
    expect(page.get_by_role("columnheader", name="Evaluations")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("button", name="Evaluations", exact=True).click()
    expect(page.get_by_role("columnheader", name="Evaluations")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("button", name="Today", exact=True).click()
    # A limit counts what was ever spent: beside the spending of a day it would say nothing.
    expect(run.get_by_role("progressbar")).to_have_count(0)
    assert {"by=run", "sort=evaluations", "turned=1", "days=1"} <= set(page.url.partition("?")[2].split("&"))
    page.reload()
    expect(run).to_be_visible()
    page.get_by_role("button", name="Models", exact=True).click()
    # Other tests of the same service may have asked the team.
    none = page.get_by_role("heading", name="No model was asked")
    expect(none.or_(page.locator("tbody tr", has_text="team"))).to_be_visible()


def test_the_fleet_tells_what_lives_and_what_waits(reader: Reader, service: Service) -> None:
    service.let_go_on()
    page = reader("viewer", "/fleet")
    evaluators = page.locator("tbody tr", has_text="evaluators").filter(has_text="alive")
    expect(evaluators).to_contain_text("of 1")
    expect(evaluators.locator(".host")).not_to_have_text("\u2013")
    expect(page.get_by_role("link", name=re.compile(rf"#{service.run}\b")).first).to_be_visible()
    expect(page.get_by_text("No workers live")).to_have_count(0)
    hidden = reader("worker", "/fleet")
    expect(hidden.locator("tbody tr", has_text="evaluators").first.locator(".host")).to_have_text("\u2013")
    assert hidden.get_by_role("link", name="Spend").count() == 0
    hidden.goto("/spend")
    expect(hidden.get_by_role("heading", name="Your role sees no money")).to_be_visible()


def test_gpus_are_shown_where_there_are_some_and_nothing_of_them_elsewhere(reader: Reader, service: Service) -> None:
    page = reader("viewer", "/fleet")
    expect(page.get_by_role("heading", name="Processes")).to_be_visible()
    health = reader("viewer", "/")
    expect(health.get_by_text("slots busy")).to_be_visible()
    assert page.get_by_text("GPU").count() == 0
    assert health.get_by_text("GPU").count() == 0
    spend = reader("viewer", "/spend")
    expect(spend.get_by_role("button", name="Evaluations", exact=True)).to_be_visible()
    assert spend.get_by_text("GPU").count() == 0
    with with_gpus(service):
        card = page.locator("section", has=page.get_by_role("heading", name="GPUs", exact=True))
        expect(card).to_contain_text("3 GPUs: 1 free, 1 leased, 1 busy")
        held = card.locator("tbody tr", has_text="leased")
        expect(held.get_by_role("link", name=f"run #{service.run}")).to_be_visible()
        expect(held).to_contain_text("54 °C")
        expect(held).to_contain_text("413 W of 700 W")
        expect(held).to_contain_text("1,905 MHz of 1,980 MHz")
        expect(held).to_contain_text("power cap")
        expect(held.get_by_role("progressbar", name="Memory used")).to_be_visible()
        busy = card.locator("tbody tr", has_text="somebody else's process 4711")
        expect(busy.locator(".badge")).to_have_text("busy")
        expect(health.get_by_text("3 GPUs: 1 free, 1 leased, 1 busy")).to_be_visible()
        spend.reload()
        expect(spend.get_by_role("button", name="GPU time")).to_be_visible()
        expect(spend.locator("tbody [data-name='GPU time']").first).to_contain_text("of 1 h")
        hidden = reader("worker", "/fleet")
        expect(hidden.get_by_role("heading", name="GPUs", exact=True)).to_be_visible()
        assert hidden.get_by_text("4711").count() == 0
    expect(page.get_by_role("heading", name="GPUs", exact=True)).to_have_count(0)


@contextmanager
def with_gpus(service: Service) -> Generator[None]:
    """Three GPUs of which an evaluator tells, one held for the run; the project may take an hour of them."""

    async def make(limit: Mapping[Resource, int | None], told: bool) -> None:
        async with Database(service.url, pool_size=1) as database, database.begin() as connection:
            await allowances.set_limits(connection, Payer.PROJECT, DEFAULT_PROJECT, limit, by=None)
            await connection.execute(sa.text("DELETE FROM gpu"))
            if not told:
                return
            states = [GpuState(Gpu(f"GPU-{name}", "NVIDIA H100", "570.86", 81559), GpuHealth.FREE) for name in "abc"]
            states[0] = GpuState(states[0].gpu, GpuHealth.FREE, "", 1204, 54, 412.7, 700.0, 1905, 1980, (Throttle.POWER_CAP,))
            await gpus.tell(connection, "gpu-1", states)
            await gpus.lease(connection, "evaluators 1", ["GPU-a"], 600.0, run=service.run)
            held = await gpus.lease(connection, "evaluators 1", ["GPU-b"], 600.0)
            assert held is not None
            await gpus.set_aside(connection, held, GpuHealth.BUSY, "somebody else's process 4711 is on it")
            # Nobody goes on telling.
            await connection.execute(sa.text("UPDATE gpu SET heard_at = now() + interval '10 minutes'"))

    # While the browser is there, this thread has a loop of its own.
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(asyncio.run, make({Resource.GPU_MILLISECONDS: 3_600_000}, told=True)).result()
        try:
            yield
        finally:
            elsewhere.submit(asyncio.run, make({Resource.GPU_MILLISECONDS: None}, told=False)).result()
