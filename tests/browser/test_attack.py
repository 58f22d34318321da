"""The Attack page as a visitor uses it: press the button, wait for the result, read both verdicts."""

import re

from playwright.sync_api import Page, expect

from .conftest import settle, visit
from .headers import guard

STEPS = 7
"""No stored run has so few: what is read below has been computed by the test."""


def attack(page: Page, settings: str) -> None:
    visit(page, f"/attack?steps={STEPS}&{settings}")
    page.get_by_role("button", name="Attack", exact=True).click()
    expect(page.get_by_test_id("step")).to_contain_text(re.compile(rf"/ {STEPS}$"))
    settle(page)


def test_an_attack_ends_with_two_verdicts_of_which_the_threshold_decides_one(page: Page) -> None:
    """Under the proxy's headers: what they forbid would be an error in the console."""
    guard(page)
    attack(page, "digit=3&target=5")
    fooled, rejected = page.get_by_test_id("verdict-fooled-generative"), page.get_by_test_id("verdict-rejected-generative")
    expect(fooled).to_contain_text(re.compile(r"Fooled\?\s*(✗ yes|✓ no)"))
    expect(fooled).to_contain_text("the truth is 3")
    expect(rejected).to_contain_text(re.compile(r"Rejected\?\s*(■ yes|○ no)"))
    expect(rejected).to_contain_text(re.compile(r"z\(h.\) = \S*\d\.\d\d [<≥] T = "))
    expect(page.get_by_test_id("verdict-fooled-robust")).to_contain_text(re.compile(r"Fooled\?\s*(✗ yes|✓ no)"))
    before = fooled.inner_text()
    page.get_by_test_id("threshold").fill("20")
    expect(rejected).to_contain_text("■ yes")
    page.get_by_test_id("threshold").fill("-20")
    expect(rejected).to_contain_text("○ no")
    expect(fooled).to_have_text(before, use_inner_text=True)


def test_a_strong_attack_is_seen_step_by_step_from_right_to_its_end(page: Page) -> None:
    """With eps = 1 every image can become any other: at step 0 the victim is right, at the end the robust one is fooled."""
    attack(page, "digit=1&target=0&eps=1&step_size=0.3")
    robust = page.get_by_test_id("verdict-fooled-robust")
    page.get_by_test_id("first").click()
    expect(page.get_by_test_id("step")).to_have_text(f"step 0 / {STEPS}")
    expect(robust).to_contain_text("✓ no")
    page.get_by_test_id("last").click()
    expect(robust).to_contain_text("✗ yes")


def test_back_undoes_one_change_at_a_press(page: Page) -> None:
    visit(page, "/attack")
    radius = page.get_by_role("textbox", name="ε, L∞ radius")
    for text in ("0.2", "0.1"):
        radius.fill(text)
        radius.press("Enter")
        expect(page).to_have_url(re.compile(f"eps={re.escape(text)}$"))
        settle(page)
    for text, url in (("0.2", "eps=0.2$"), ("0.3", "/attack$")):
        page.go_back()
        expect(radius).to_have_value(text)
        expect(page).to_have_url(re.compile(url))
    page.go_forward()
    expect(radius).to_have_value("0.2")
    page.get_by_text("Optimizer, restarts and seed").click()
    page.get_by_text("L2", exact=True).click()  # sets eps and the step size, too
    expect(page).to_have_url(re.compile("norm=L2"))
    settle(page)
    page.go_back()
    expect(page).to_have_url(re.compile("attack.eps=0.2$"))
    expect(radius).to_have_value("0.2")


def test_a_link_with_markdown_in_it_makes_no_link_and_loads_nothing(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visit(
        page,
        "/attack?eps=[Click](https://evil.example)&steps=![x](https://evil.example/x.png)&norm=www.evil.example&system=:smile:",
    )
    notes = page.get_by_test_id("stAlert")
    expect(notes.first).to_contain_text("[Click](https://evil.example)")
    assert notes.locator("a, img").count() == 0
    assert not [url for url in asked if re.match(r"https?://[^/]*evil\.example", url)]
