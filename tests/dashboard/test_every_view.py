"""Every view, with texts in all places that try to take it over: what is shown is data, can be read, and is reached by keys."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.conftest import Reader
from tests.dashboard.hostile import Trap, trap
from tests.dashboard.service import Service

GO = """path => {
    history.pushState(null, '', path);
    dispatchEvent(new PopStateEvent('popstate'));
    return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
"""Goes to a view as a reader does, without loading the application anew; the view before has left then."""
LOOK = (Path(__file__).parent / "look.js").read_text()


@pytest.fixture(scope="module")
def trapped(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Trap:
    return trap(service, tmp_path_factory.mktemp("trap"))


def views(service: Service, of: Trap) -> dict[str, str]:
    """The views by their addresses, with what stands there once they are drawn."""
    run = f"/runs/{of.run}"
    return {
        "/": "tbody tr .sparkline",
        run: ".people-said li:nth-child(3)",
        f"/runs/{of.broken}": "text=Why it ended",
        f"{run}/archive": ".heat canvas",
        f"{run}/lineage": ".story li",
        f"{run}/programs/0": "img.picture:not([hidden])",
        f"{run}/programs/1": "text=The judge's picture cannot be shown: it holds more than a drawing",
        f"{run}/programs/2": ".stage",
        f"{run}/programs/3": ".stage",
        "/problems": "tbody tr",
        f"/problems/{of.revision}": ".long-text",
        "/problems/new": ".drop",
        "/problems/new?by=form": "form",
        f"/compare?runs={of.run},{service.run}": ".curves canvas",
        "/spend?by=run": "tbody tr",
        "/fleet": "tbody tr",
        "/runs/999": ".wrong-card",
        f"{run}/programs/999": ".wrong-card",
        "/problems/999": ".wrong-card",
        "/nowhere": ".empty h1",
    }


def complaints(page: Page) -> list[str]:
    """What is wrong with the page as it stands: `look.js` says what it looks at."""
    found: list[str] = page.evaluate(LOOK)
    return found


def opened(page: Page) -> None:
    """Everything that a reader may open."""
    for button in page.get_by_role("button", name="Show", exact=True).all():
        button.click()
        expect(page.locator(".call").first).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")


@pytest.mark.usefixtures("paused")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_nothing_takes_a_view_over_and_all_of_it_can_be_read(
    reader: Reader, service: Service, trapped: Trap, scheme: str, width: int
) -> None:
    page = reader("admin", color_scheme=scheme, viewport={"width": width, "height": 800})
    page.on("dialog", lambda dialog: dialog.dismiss())
    found: dict[str, list[str]] = {}
    for path, drawn in views(service, trapped).items():
        page.evaluate(GO, path)
        page.wait_for_selector(drawn)
        opened(page)
        found[path] = complaints(page)
        assert page.evaluate("window.attacked") is None, path
    assert {path: said for path, said in found.items() if said} == {}
