"""Program, archive and lineage in a real browser: a program is verified again, a cell is opened, the last gain is found."""

import re
import time
from collections.abc import Generator

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.conftest import Reader
from tests.dashboard.service import Service


def until(service: Service, state: str) -> int:
    """Waits for a state of the run; returns the number of its best program."""
    patience = time.monotonic() + 20
    with service.client() as client:
        while (run := client.run(service.run)).state != state:
            assert time.monotonic() < patience, service.said()
            time.sleep(0.05)
    assert run.best is not None
    return run.best


@pytest.fixture
def paused(service: Service) -> Generator[int]:
    """The number of the best program of the run, which rests meanwhile: what is compared with it must stand still."""
    with service.client() as client:
        client.pause(service.run)
        best = until(service, "paused")
        yield best
        client.resume(service.run)
        until(service, "running")


def button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_program_shows_its_changes_and_is_verified_again(reader: Reader, service: Service) -> None:
    best = until(service, "running")
    page = reader("member", f"/runs/{service.run}/programs/{best}")
    expect(page.get_by_role("heading", name=f"Program {best}", exact=True)).to_be_visible()
    expect(page.locator(".source-box mark").first).to_be_visible()
    button(page, "Source")
    expect(page.locator(".src-mark").first).to_contain_text("EVOLVE-BLOCK-START")
    seed = reader("member", f"/runs/{service.run}/programs/0")
    expect(seed.locator(".verifications > li")).to_have_count(1)
    button(seed, "Verify again")
    expect(seed.get_by_text("will be verified again, on fresh seeds")).to_be_visible()
    expect(seed.locator(".verifications > li")).to_have_count(2)
    viewer = reader("viewer", f"/runs/{service.run}/programs/{best}")
    expect(viewer.get_by_role("button", name="Download")).to_be_visible()
    for name in ("Verify again", "Ban", "Pin", "Note", "Fork a run from it"):
        expect(viewer.get_by_role("button", name=name, exact=True)).to_have_count(0)
    assert page.evaluate("window.attacked") is None


def test_the_archive_is_what_the_service_says_and_goes_back_in_time(reader: Reader, service: Service, paused: int) -> None:
    with service.client() as client:
        filled = {tuple(cell.cell) for cell in client.archive(service.run)}
    page = reader("viewer", f"/runs/{service.run}/archive")
    expect(page.get_by_role("heading", name=re.compile(rf"^{len(filled)} of [\d,]+ cells filled"))).to_be_visible()
    cells = page.locator(".heat canvas")
    expect(cells).to_have_attribute("aria-label", re.compile(rf"^Map of {len(filled)} filled cells"))
    page.get_by_role("slider").fill("1")
    expect(page.get_by_role("heading", name=re.compile("^1 of"))).to_be_visible()


def test_the_lineage_tells_which_step_brought_the_last_gain(reader: Reader, service: Service, paused: int) -> None:
    page = reader("viewer", f"/runs/{service.run}/lineage")
    expect(page.get_by_role("heading", name=f"From the seed to the best, program {paused}")).to_be_visible()
    step = page.locator(".story > li").filter(has_text="last gain")
    expect(step).to_have_count(1)
    step.get_by_role("button", name="What changed").click()
    expect(step.locator(".source-box .in").first).to_be_visible()
    page.get_by_label("Find a program by its number").fill("1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="From the seed to program 1", exact=True)).to_be_visible()
    page.locator(".lineage canvas").press("+")
