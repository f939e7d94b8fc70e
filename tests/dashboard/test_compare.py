"""Several runs on one chart, in a real browser."""

import pytest
from playwright.sync_api import expect

from evolution.run import Budget, RunConfig, StrategyName
from tests.dashboard.conftest import Reader
from tests.dashboard.service import Service


@pytest.fixture
def baseline(service: Service) -> int:
    """A short run that draws again and again, without selection."""
    with service.client() as client:
        config = RunConfig(strategy=StrategyName.SEQ_BEST_OF_N, budget=Budget(evaluations=5))
        return client.start("hill", config, seed=4).id


def test_runs_are_compared_by_an_address_that_can_be_shared(reader: Reader, service: Service, baseline: int) -> None:
    page = reader("viewer", f"/compare?runs={service.run}")
    expect(page.get_by_text("--strategy seq_best_of_n")).to_be_visible()
    page.goto(f"/compare?runs={service.run},{baseline},999999")
    expect(page.get_by_text("Not there, or not yours to see: run 999999.")).to_be_visible()
    rows = page.locator(".compared tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("seq best of n: a baseline")
    expect(page.get_by_role("img", name="Best scores of 2 runs by evaluations").locator("canvas")).to_be_visible()
    expect(page.get_by_text("all of one problem")).to_be_visible()
    page.get_by_role("button", name="Time", exact=True).click()
    expect(page.get_by_role("img", name="Best scores of 2 runs by active time")).to_be_visible()
    assert "by=seconds" in page.url
    assert page.evaluate("window.attacked") is None
    page.get_by_role("button", name=f"Leave out run {service.run}").click()
    expect(rows).to_have_count(1)
    hidden = reader("worker", f"/compare?runs={baseline}&by=micro_dollars")
    expect(hidden.get_by_role("img", name="Best scores of 1 run by evaluations")).to_be_visible()
    assert hidden.get_by_role("button", name="Money").count() == 0
