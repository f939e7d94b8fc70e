"""The dashboard in a real browser against real processes: signing in, runs, a run and what it is told, roles, lost streams."""

import re
import time

from playwright.sync_api import Page, expect

from galapagos import Client
from server.rate_limit import COOKIE
from tests.dashboard.conftest import Reader
from tests.dashboard.service import HOSTILE, Service

VISIBLE_TITLE = HOSTILE.replace("\u202e", "⟨202e⟩")


def drawn(page: Page) -> int:
    """How many programs the chart of a run shows."""
    label = page.locator(".scores").get_attribute("aria-label") or ""
    found = re.search(r"Scores of ([\d,]+) programs", label)
    assert found, label
    return int(found[1].replace(",", ""))


def until_all_is_drawn(page: Page, client: Client, run: int) -> None:
    """What was in flight when the run was paused still comes in."""
    until = time.monotonic() + 15
    while drawn(page) != (evaluations := client.run(run).evaluations):
        assert time.monotonic() < until, f"expected {evaluations} programs, the chart shows {drawn(page)}"
        page.wait_for_timeout(100)


def button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_signing_in_and_out(reader: Reader, service: Service) -> None:
    page = reader(None)
    page.get_by_label("Token").fill("gal_nothing")
    button(page, "Sign in")
    expect(page.get_by_text("the token is unknown")).to_be_visible()
    page.get_by_label("Token").fill(service.tokens["viewer"])
    button(page, "Sign in")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    (cookie,) = page.context.cookies(f"{service.address}/api/v1/me")
    assert (cookie.get("httpOnly"), cookie.get("sameSite"), cookie.get("path")) == (True, "Strict", "/api")
    page.reload()
    expect(page.locator(".who")).to_have_text("viewer")
    button(page, "Sign out")
    expect(page.get_by_label("Token")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Token")).to_be_visible()


def test_an_account_of_a_provider_signs_in_and_leaves_nothing_in_the_address(reader: Reader, service: Service) -> None:
    page = reader(None)
    page.goto("/runs?state=running")
    button(page, "Sign in with Example")
    expect(page.locator(".who")).to_have_text("bob@example.org")
    assert page.url == f"{service.address}/runs?state=running"
    cookies = page.context.cookies(f"{service.address}/api/v1/session/oidc")
    assert [(one.get("name"), one.get("httpOnly"), one.get("sameSite")) for one in cookies] == [(COOKIE, True, "Strict")]
    page.goto("/signed-in?error=access_denied")
    expect(page.get_by_text("The provider says: access_denied")).to_be_visible()
    page.goto("/signed-in?code=code-0&state=stale")
    expect(page.get_by_text("begin again")).to_be_visible()
    assert page.url == f"{service.address}/"


def test_a_link_signs_in_and_leaves_no_token_in_the_address(reader: Reader, service: Service) -> None:
    page = reader(None, f"/#token={service.tokens['member']}")
    expect(page.locator(".who")).to_have_text("member")
    assert "gal_" not in page.url
    page.go_back()
    assert "gal_" not in page.url


def test_runs_are_listed_found_and_opened(reader: Reader, service: Service) -> None:
    page = reader()
    row = page.locator("tr", has_text="#1 ·")
    expect(row.locator(".title")).to_have_text(VISIBLE_TITLE)
    expect(row.locator(".sparkline")).to_be_visible()
    expect(row.get_by_text("running")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("nothing like it")
    expect(page.get_by_text("No run is like this")).to_be_visible()
    assert "find=nothing" in page.url
    page.get_by_role("button", name="Show all runs").click()
    row.locator(".title").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(VISIBLE_TITLE)
    assert page.url == f"{service.address}/runs/{service.run}"
    assert page.evaluate("window.attacked") is None
    page.go_back()
    expect(row).to_be_visible()


def test_a_run_goes_on_before_the_eyes_and_does_what_it_is_told(reader: Reader, service: Service) -> None:
    service.let_go_on()
    page = reader("member", f"/runs/{service.run}")
    expect(page.locator(".feed li").first).to_be_visible()
    before = drawn(page)
    page.wait_for_function("n => !document.querySelector('.scores').getAttribute('aria-label').includes(` ${n} `)", arg=before)
    button(page, "Pause")
    expect(page.locator(".badge", has_text="paused")).to_be_visible()
    with service.client() as client:
        expect(page.get_by_text("pause is in force")).to_be_visible()
        page.wait_for_timeout(300)
        until_all_is_drawn(page, client, service.run)
    expect(page.locator(".feed").get_by_text("paused").first).to_be_visible()
    button(page, "Limits")
    page.get_by_label("Seconds of active time").fill("much")
    button(page, "Set the limits")
    expect(page.locator(".wrong").first).to_contain_text("expected a number; got much")
    page.get_by_label("Seconds of active time").fill("100,000")
    button(page, "Set the limits")
    expect(page.locator(".feed").get_by_text("limits set: 100,000 evaluations, 1 d 03 h")).to_be_visible()
    button(page, "Give an idea")
    page.get_by_label("Idea", exact=True).fill("<b>try</b> \u202e harder")
    button(page, "Give the idea")
    expect(page.locator(".feed").get_by_text("idea given: “<b>try</b> ⟨202e⟩ harder”")).to_be_visible()
    button(page, "Resume")
    expect(page.locator(".badge", has_text="running")).to_be_visible()
    expect(page.locator(".people-said .badge")).to_have_text("idea told", timeout=10_000)
    button(page, "Withdraw it")
    expect(page.locator(".people-said .badge")).to_have_text("idea withdrawn", timeout=10_000)


def test_stopping_asks_first_and_an_ended_run_may_go_on(reader: Reader, service: Service) -> None:
    with service.client() as client:
        run = client.fork(service.run, 0, seed=5).id
    page = reader("admin", f"/runs/{run}")
    expect(page.get_by_text(f"forked from #{service.run}")).to_be_visible()
    button(page, "Stop")
    button(page, "Cancel")
    expect(page.locator(".badge", has_text="running")).to_be_visible()
    button(page, "Stop")
    button(page, "Stop the run")
    expect(page.locator(".badge", has_text="finished")).to_be_visible(timeout=20_000)
    button(page, "Let it go on")
    page.get_by_label("Evaluations", exact=True).fill("1")
    page.get_by_role("dialog").get_by_role("button", name="Let it go on").click()
    expect(page.locator(".wrong").first).to_contain_text("used already")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_what_a_role_lacks_is_absent(reader: Reader, service: Service) -> None:
    for name, sees_money in (("viewer", True), ("worker", False)):
        page = reader(name)
        expect(page.locator(".runs tbody tr").first).to_be_visible()
        assert (page.get_by_role("columnheader", name="Spent").count() == 1) is sees_money
        page.goto(f"/runs/{service.run}")
        expect(page.locator("canvas")).to_be_visible()
        expect(page.get_by_role("heading", name="Operators")).to_be_visible()
        assert page.get_by_role("button", name="Pause").count() == 0
        assert page.get_by_role("button", name="Stop").count() == 0
        assert page.get_by_role("button", name="Note").count() == 0
        assert (page.get_by_role("heading", name="Models").count() == 1) is sees_money
        page.goto(f"/runs/{service.run}/programs/0")
        expect(page.get_by_role("button", name="Download")).to_be_visible()
        for told in ("Verify again", "Ban", "Pin", "Note", "Fork a run from it"):
            assert page.get_by_role("button", name=told, exact=True).count() == 0


def test_a_service_that_goes_away_comes_back_without_loss_or_doubles(reader: Reader, service: Service) -> None:
    service.let_go_on()
    page = reader("member", f"/runs/{service.run}")
    expect(page.locator(".feed li").first).to_be_visible()
    service.kill("server")
    try:
        expect(page.get_by_text("The stream of this run is interrupted.")).to_be_visible()
        expect(page.get_by_text("The service does not answer.")).to_be_visible()
    finally:
        service.start("server")
    expect(page.get_by_text("The service does not answer.")).to_have_count(0, timeout=20_000)
    expect(page.get_by_text("The stream of this run is interrupted.")).to_have_count(0, timeout=20_000)
    with service.client() as client:
        client.pause(service.run)
        expect(page.locator(".badge", has_text="paused")).to_be_visible()
        page.wait_for_timeout(300)
        until_all_is_drawn(page, client, service.run)
        client.resume(service.run)


def test_a_phone_and_the_keyboard_are_enough(reader: Reader, service: Service) -> None:
    page = reader("member", f"/runs/{service.run}", viewport={"width": 360, "height": 780})
    expect(page.locator("main h1")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    expect(page.locator(".feed li").first).to_be_visible()
    page.locator(".scores").focus()
    page.keyboard.press("ArrowLeft")
    number = page.locator(".scores .hover strong").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("main h1")).to_have_text(f"Program {number.removeprefix('#')}")
    page.go_back()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.style.colorScheme") == "light"
    page.keyboard.press("t")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(17, 19, 18)"
    page.reload()
    expect(page.locator("header.top")).to_be_visible()
    assert page.evaluate("document.documentElement.style.colorScheme") == "dark"
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
