"""Archive and lineage in a real browser, against what the service says of a run that rests."""

import re

from playwright.sync_api import expect

from tests.dashboard.conftest import Reader
from tests.dashboard.service import Service


def test_the_archive_is_what_the_service_says_and_goes_back_in_time(reader: Reader, service: Service, paused: int) -> None:
    with service.client() as client:
        filled = {tuple(cell.cell) for cell in client.archive(service.run)}
    page = reader("viewer", f"/runs/{service.run}/archive")
    expect(page.get_by_role("heading", name=re.compile(rf"^{len(filled)} of [\d,]+ cells filled"))).to_be_visible()
    cells = page.locator(".heat canvas")
    expect(cells).to_have_attribute("aria-label", re.compile(rf"^Map of {len(filled)} filled cells"))
    page.get_by_role("slider").fill("1")
    expect(page.get_by_role("heading", name=re.compile("^1 of"))).to_be_visible()


def test_the_lineage_tells_of_any_program(reader: Reader, service: Service, paused: int) -> None:
    page = reader("viewer", f"/runs/{service.run}/lineage")
    expect(page.get_by_role("heading", name=f"From the seed to the best, program {paused}")).to_be_visible()
    page.get_by_label("Find a program by its number").fill("1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="From the seed to program 1", exact=True)).to_be_visible()
