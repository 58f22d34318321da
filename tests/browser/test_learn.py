"""The lessons as a visitor takes them: predict, reveal, do the exercise, and leave it; and a teacher's link."""

import re

from playwright.sync_api import Locator, Page, expect

from .conftest import fits, settle, visit

LOCKED = "Steps"
FREE = "ε, L∞ radius"


def control(page: Page, label: str) -> Locator:
    """The one control with this label. For a moment a page may show the one of the run before beside that of today."""
    settle(page)
    found = page.get_by_label(label, exact=True)
    expect(found).to_have_count(1)
    return found


def test_predict_reveal_do_the_exercise_begin_it_anew_and_leave_it(page: Page) -> None:
    visit(page, "/learn")
    page.get_by_role("link", name="2. Fool a classifier").click()
    expect(page.get_by_role("heading", level=3, name="2. Fool a classifier")).to_be_visible()
    expect(page).to_have_url(re.compile("step=2"))
    reveal = page.get_by_role("button", name="Reveal")
    expect(reveal).to_be_disabled()
    page.get_by_text("Only the natural classifier.").click()
    reveal.click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("the truth is 7")

    page.get_by_role("link", name="Open the Attack page").click()
    banner = page.locator(".st-key-lesson-banner")
    expect(banner).to_contain_text("Fool a classifier")
    expect(banner.get_by_test_id("stAlert")).to_contain_text("the truth is 7")
    settle(page)
    expect(control(page, FREE)).to_have_value("0.1")
    expect(control(page, FREE)).to_be_enabled()
    expect(control(page, LOCKED)).to_be_disabled()
    page.get_by_text("Optimizer, restarts and seed").click()
    expect(page.locator(".st-key-attack-norm")).to_be_visible()
    expect(page.locator(".st-key-attack-seed")).to_be_hidden()

    control(page, FREE).fill("0.25")
    control(page, FREE).press("Enter")
    expect(page).to_have_url(re.compile("eps=0.25"))
    page.get_by_role("link", name="Back to the lesson").click()
    expect(page.get_by_role("heading", level=3, name="2. Fool a classifier")).to_be_visible()
    page.get_by_role("link", name="Open the Attack page").click()
    expect(control(page, FREE)).to_have_value("0.1")  # what a visitor has changed does not outlive the lesson's own settings

    banner.get_by_role("button", name="Leave the lesson").click()
    expect(banner).to_have_count(0)
    expect(control(page, LOCKED)).to_be_enabled()
    expect(page).not_to_have_url(re.compile("lesson="))
    page.get_by_text("Optimizer, restarts and seed").click()
    expect(page.locator(".st-key-attack-seed")).to_be_visible()


def test_a_teachers_link_locks_the_threshold_and_shows_its_task_as_it_is(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, "/overview?lesson=own&lock=T&T=2&task=%3Cb%3EWatch%3C/b%3E%20**this**%20" + "a" * 120)
    banner = page.locator(".st-key-lesson-banner")
    expect(banner).to_contain_text("<b>Watch</b> **this**")
    expect(page.get_by_test_id("threshold")).to_be_disabled()
    expect(page.get_by_test_id("threshold-value")).to_have_text("2.0")
    fits(page)
    page.get_by_role("button", name="Leave the exercise").click()
    expect(page.get_by_test_id("threshold")).to_be_enabled()
