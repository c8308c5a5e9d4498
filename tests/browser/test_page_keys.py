"""The keyboard: the help lists every command, and every key that it lists is bound."""

import re

from playwright.sync_api import expect

from workbench import Tab

SIGNS = {"←": "ArrowLeft", "→": "ArrowRight", "↑": "ArrowUp", "↓": "ArrowDown", "Del": "Delete", "Esc": "Escape"}
SIGNS |= {"Ctrl": "Control"}


def listed(page: Tab) -> dict[str, list[str]]:
    """The keys of each line of the help, as Playwright has them."""
    script = """[...document.querySelectorAll(".keys dt")].map((term) => [
        term.nextElementSibling.textContent,
        term.innerHTML.split(" or ").map((part) => [...part.matchAll(/<kbd>(.*?)<.kbd>/g)].map((found) => found[1])),
    ])"""
    page.press("?")
    found = page.page.evaluate(script)
    page.page.keyboard.press("Escape")
    return {words: ["+".join(SIGNS.get(part, part) for part in key) for key in keys] for words, keys in found}


def test_the_help_lists_every_command_and_every_key_is_bound(page: Tab) -> None:
    page.provoked = "status of (400|409)"
    help_ = listed(page)
    commands = page.page.evaluate("[...document.querySelectorAll('[data-command]')].map((each) => each.title)")
    assert len(help_) > 45
    for title in commands:
        assert re.sub(r" \([^()]*\)$", "", title) in help_, title
    page.page.evaluate(
        "window.taken = []; addEventListener('keydown', (event) => { taken.push(event.defaultPrevented); })"
    )  # comes after the page's own listener, which prevents the default of a key that is bound
    page.page.on("filechooser", lambda chooser: None)  # else the browser would cancel it at once
    fresh = """document.querySelectorAll('dialog').forEach((each) => each.close());
        document.querySelector('#canvas').focus(); taken.length = 0"""
    choosers = {"Shift+A", "Shift+I"}  # these open the system's own dialog: first, before anything else is under way
    for words, keys in sorted(help_.items(), key=lambda line: choosers.isdisjoint(line[1])):
        for key in keys:
            page.page.evaluate(fresh)
            if key.startswith("Shift+"):  # nothing that came late is in the way
                page.settle().page.evaluate(fresh)
            page.page.keyboard.press(key)
            if key in choosers:
                expect(page.page.locator("body > input[type=file]")).to_have_count(1)
                page.page.evaluate("document.querySelector('body > input[type=file]').remove()")
            if key in ("Shift+L", "Shift+Q"):  # asks the server first
                expect(page.page.get_by_role("dialog")).to_be_visible()
            assert page.page.evaluate("taken.at(-1)"), f"{words}: {key}"


def test_keys_belong_to_the_field_that_one_types_in(page: Tab) -> None:
    page.stroke((20, 30), (60, 30))
    page.page.keyboard.press("F2")
    page.page.keyboard.type("bed and pen")
    page.page.keyboard.press("Enter")
    page.settle()
    expect(page.find("object-1-name")).to_have_value("bed and pen")
    assert page.page.locator("[aria-pressed=true][data-tool]").get_attribute("data-command") == "brush"
    assert not page.state("accepted")


def test_the_help_is_seen_whole(page: Tab) -> None:
    for width, height in ((1440, 900), (1280, 800), (1024, 700)):
        page.page.set_viewport_size({"width": width, "height": height})
        page.press("?")
        content = page.find("dialog-help").locator(".content")
        assert content.evaluate("each => each.scrollHeight <= each.clientHeight"), (width, height)
        page.page.keyboard.press("Escape")


def test_light_and_dark(page: Tab) -> None:
    background = "getComputedStyle(document.querySelector('#panel')).backgroundColor"
    before = page.page.evaluate(background)
    page.find("command-theme").click()
    assert page.page.evaluate(background) != before
    page.page.reload()
    page.settle()
    assert page.page.evaluate(background) != before
