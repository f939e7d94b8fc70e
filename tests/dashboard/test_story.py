"""The whole story as a person goes through it, with a browser alone: from a problem to a run, its programs, and another run."""

import re
import time
from contextlib import suppress

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as TooLate

from tests.dashboard.conftest import Reader
from tests.dashboard.service import Service

HOSTILE = "<img src=x onerror=window.attacked=1>\u202e slope"


def button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def submit(page: Page) -> None:
    """Write a problem in the form, with two mistakes at first, and have its seed checked."""
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.get_by_role("link", name="Submit a problem").first.click()
    button(page, "Form")
    page.get_by_label("Name", exact=True).fill("Not A Name")
    page.get_by_label("Title").fill(HOSTILE)
    page.get_by_label("Statement").fill("Find the number.\nIt is near three.")
    page.get_by_label("Seconds for one judgement").fill("soon")
    button(page, "Submit the problem")
    expect(page.get_by_text("2 fields are wrong.")).to_be_visible()
    expect(page.locator(".field", has=page.get_by_label("Name", exact=True)).locator(".wrong")).to_contain_text("Not A Name")
    expect(page.locator(".field", has_text="Seconds for one judgement").locator(".wrong")).to_contain_text("soon")
    page.get_by_label("Name", exact=True).fill(f"slope_{time.time_ns()}")
    page.get_by_label("Seconds for one judgement").fill("5")
    button(page, "Submit the problem")
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE.replace("\u202e", "⟨202e⟩"))
    expect(page.get_by_role("heading", name="It was stored")).to_be_visible()
    expect(page.get_by_text("evaluate(), once, up to 5.0 s each")).to_be_visible()
    button(page, "program.py")
    expect(page.get_by_role("dialog").locator("pre")).to_contain_text("return 1.0")
    page.keyboard.press("Escape")
    button(page, "Check the seed")
    seed = page.locator(".tile", has=page.get_by_text("The seed", exact=True))
    expect(seed.locator(".value")).to_have_text("-4.84000", timeout=20_000)


def start(page: Page) -> int:
    """Start a run of it, with a mistake at first; returns its number."""
    button(page, "Start a run")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Evaluations", exact=True).fill("many")
    button(page, "Start the run")
    expect(dialog.locator(".wrong").first).to_contain_text("many")
    dialog.get_by_label("Evaluations", exact=True).fill("100,000")
    dialog.get_by_text("All other choices").click()
    expect(dialog.get_by_label("In flight")).to_have_value("32")
    dialog.get_by_label("Islands", exact=True).fill("2")
    dialog.get_by_label("Random seed").fill("11")
    button(page, "Start the run")
    page.wait_for_url("**/runs/*")
    return int(page.url.rpartition("/")[2])


def watch(page: Page) -> None:
    """It goes on by itself, and whether it improves and what it cost is seen at a glance."""
    scores = page.locator(".scores")
    expect(scores).to_have_attribute("aria-label", re.compile(r"Scores of (\d{2,}|[2-9]) programs"), timeout=20_000)
    before = scores.get_attribute("aria-label")
    page.wait_for_function("was => document.querySelector('.scores').getAttribute('aria-label') !== was", arg=before)
    expect(page.locator(".feed .good", has_text="new best: -").first).to_be_visible()
    expect(page.locator(".tile", has_text="Last gain").locator(".note")).to_have_text(
        re.compile("^by .*(just now|evaluations ago)$")
    )
    expect(page.locator(".tile", has_text="Spent").locator(".value")).to_contain_text("$0.00")


def follow(page: Page) -> None:
    """A cell of the archive leads to what lives there, and that to how it came to be."""
    page.get_by_role("link", name="Archive", exact=True).click()
    cells = page.locator(".heat canvas")
    expect(cells).to_have_attribute("aria-label", re.compile(r"^Map of [1-9]"))
    # The seed's cell is the first: its text is short, with few numbers.
    cells.press("ArrowLeft")
    expect(page.locator(".elite h3 a")).to_be_visible()
    page.get_by_role("link", name="How it came to be").click()
    expect(page.get_by_role("heading", name=re.compile(r"^From the seed to (the best, )?program \d+"))).to_be_visible()
    page.get_by_role("link", name="Lineage", exact=True).click()
    gain = page.locator(".story > li").filter(has_text="last gain")
    expect(gain).to_have_count(1)
    gain.get_by_role("button", name="What changed").click()
    expect(gain.locator(".source-box :is(.in, .out)").first).to_be_visible()
    page.locator(".lineage canvas").press("+")


def distrust(page: Page) -> None:
    """The best program is looked at, noted, and verified once more."""
    page.locator(".tile", has_text="Best score").get_by_role("link").click()
    expect(page.get_by_role("heading", name=re.compile(r"^Program \d+$"))).to_be_visible()
    expect(page.locator(".source-box :is(.in, .out)").first).to_be_visible()
    button(page, "Source")
    expect(page.locator(".src-mark").first).to_contain_text("EVOLVE-BLOCK-START")
    checks = page.locator(".verifications > li")
    before = checks.count()
    for _ in range(6):
        button(page, "Verify again")
        expect(page.get_by_text("will be verified again, on fresh seeds")).to_be_visible()
        # The run may be verifying it of its own accord: then it refuses, and is to be asked again.
        with suppress(TooLate):
            page.wait_for_function("n => document.querySelectorAll('.verifications > li').length > n", arg=before)
            break
    assert checks.count() > before
    button(page, "Note")
    page.get_by_label("Note", exact=True).fill("Is <b>it</b> luck?")
    button(page, "Store the note")
    expect(page.locator(".people-said li")).to_contain_text("Is <b>it</b> luck?")
    expect(page.locator(".people-said .about")).to_contain_text("by you")


def rest(page: Page) -> None:
    """The run rests, so that what is looked at stands still."""
    button(page, "Pause")
    expect(page.locator(".badge", has_text="paused")).to_be_visible()


def go_on(page: Page, run: int) -> None:
    page.goto(f"/runs/{run}")
    button(page, "Resume")
    expect(page.locator(".badge", has_text="running")).to_be_visible()


def fork(page: Page, run: int) -> int:
    """Another run begins with the program that is looked at; returns its number."""
    button(page, "Fork a run from it")
    button(page, "Start the run")
    expect(page.get_by_text(f"forked from #{run}")).to_be_visible()
    return int(page.url.rpartition("/")[2])


def compare(page: Page, run: int, forked: int) -> None:
    page.get_by_role("link", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", name="No run is chosen")).to_be_visible()
    button(page, "Choose runs")
    for number in (run, forked):
        page.get_by_role("checkbox", name=f"#{number} ").check()
    button(page, "Done")
    expect(page.get_by_role("img", name="Best scores of 2 runs by evaluations").locator("canvas")).to_be_visible()
    assert page.url.endswith(f"/compare?runs={run}%2C{forked}") or page.url.endswith(f"/compare?runs={run},{forked}")


@pytest.mark.usefixtures("paused")
def test_from_a_problem_to_a_run_that_another_one_is_compared_with(reader: Reader, service: Service) -> None:
    page = reader("member")
    submit(page)
    run = start(page)
    with service.client() as client:
        made = client.run(run)
        assert (made.seed, made.config.islands, made.config.budget.evaluations) == (11, 2, 100_000)
        watch(page)
        rest(page)
        follow(page)
        go_on(page, run)
        distrust(page)
        forked = fork(page, run)
        compare(page, run, forked)
        assert page.evaluate("window.attacked") is None
        for number in (run, forked):
            client.stop(number)
