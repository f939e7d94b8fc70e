"""What was spent, and which processes live, in a real browser."""

import re

from playwright.sync_api import expect

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
