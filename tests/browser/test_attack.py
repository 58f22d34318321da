"""The Attack page as a visitor uses it: press the button, wait for the result, read both verdicts."""

import re

from playwright.sync_api import Page, expect

from .conftest import settle, visit

STEPS = 7
"""No stored run has so few: what is read below has been computed by the test."""


def attack(page: Page, settings: str) -> None:
    visit(page, f"/attack?steps={STEPS}&{settings}")
    page.get_by_role("button", name="Attack", exact=True).click()
    expect(page.get_by_test_id("step")).to_contain_text(re.compile(rf"/ {STEPS}$"))
    settle(page)


def test_an_attack_ends_with_two_verdicts_and_the_robust_classifier_beside(page: Page) -> None:
    attack(page, "digit=3&target=5")
    fooled, rejected = page.get_by_test_id("verdict-fooled-generative"), page.get_by_test_id("verdict-rejected-generative")
    expect(fooled).to_contain_text(re.compile(r"Fooled\?\s*(✗ yes|✓ no)"))
    expect(fooled).to_contain_text("the truth is 3")
    expect(rejected).to_contain_text(re.compile(r"Rejected\?\s*(■ yes|○ no)"))
    expect(rejected).to_contain_text(re.compile(r"z\(h.\) = \S*\d\.\d\d [<≥] T = "))
    expect(page.get_by_test_id("verdict-fooled-robust")).to_contain_text(re.compile(r"Fooled\?\s*(✗ yes|✓ no)"))


def test_a_strong_attack_is_seen_step_by_step_from_right_to_its_end(page: Page) -> None:
    """With eps = 1 every image can become any other: at step 0 the victim is right, at the end the robust one is fooled."""
    attack(page, "digit=1&target=0&eps=1&step_size=0.3")
    robust = page.get_by_test_id("verdict-fooled-robust")
    page.get_by_test_id("first").click()
    expect(page.get_by_test_id("step")).to_have_text(f"step 0 / {STEPS}")
    expect(robust).to_contain_text("✓ no")
    page.get_by_test_id("last").click()
    expect(robust).to_contain_text("✗ yes")


def test_the_threshold_decides_about_rejection_and_not_about_fooling(page: Page) -> None:
    attack(page, "digit=3&target=5")
    verdict = page.get_by_test_id("verdict-fooled-generative")
    expect(verdict).to_contain_text("the truth is 3")
    fooled = verdict.inner_text()
    page.get_by_test_id("threshold").fill("20")
    expect(page.get_by_test_id("verdict-rejected-generative")).to_contain_text("■ yes")
    page.get_by_test_id("threshold").fill("-20")
    expect(page.get_by_test_id("verdict-rejected-generative")).to_contain_text("○ no")
    expect(verdict).to_have_text(fooled, use_inner_text=True)
