"""Stories of readers of other languages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import answer, expect_status
from tests.browser.conftest import Watch

Visit = Callable[..., Page]

pytestmark = pytest.mark.once


def left(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    assert box
    return box["x"]


def test_a_reader_chooses_a_language_and_it_stays(visit: Visit) -> None:
    page = visit()
    page.get_by_role("button", name="Language").click()
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_placeholder("Frag, was du willst")).to_be_visible()
    page.goto("/accounts/login/")
    expect(page.get_by_role("heading", name="Willkommen zurück")).to_be_visible()


def test_a_language_can_be_chosen_without_scripts_and_with_keys(visit: Visit) -> None:
    page = visit(java_script_enabled=False)
    page.get_by_role("button", name="Language").press("Enter")
    page.get_by_role("button", name="Français").press("Enter")
    expect(page.get_by_role("link", name="Se connecter")).to_be_visible()


def test_escape_closes_the_languages_and_focus_returns(visit: Visit) -> None:
    page = visit()
    button = page.get_by_role("button", name="Language")
    button.press("Enter")
    expect(page.locator("#languages")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#languages")).to_be_hidden()
    expect(button).to_be_focused()


def test_an_arabic_page_is_mirrored(visit: Visit) -> None:
    page = visit(locale="ar")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert left(page, ".sidebar") > left(page, ".main")
    assert left(page, ".composer__send") < left(page, ".picker > summary")
    mirrored = page.locator(".icon--along").evaluate_all(
        "icons => icons.filter(icon => icon.checkVisibility()).map(icon => getComputedStyle(icon).transform)"
    )
    assert set(mirrored) == {"matrix(-1, 0, 0, 1, 0, 0)"}


def test_an_answer_speaks_of_itself_in_the_readers_language(visit: Visit) -> None:
    page = visit(locale="de-DE")
    page.get_by_label("Deine Nachricht").fill("Eins, zwei, drei")
    page.keyboard.press("Enter")
    expect_status(answer(page), "complete")
    expect(page.locator("#announcements")).to_contain_text("hat geantwortet")
    expect(answer(page).locator(".answer__meta")).to_contain_text("Tokens")


def test_what_went_wrong_is_told_in_the_readers_language_at_once(visit: Visit, watch: Watch) -> None:
    """Also before the server has rendered the end of the answer."""
    watch.expect("ERR_FAILED")
    page = visit(locale="fr-FR")
    page.route("**/messages/*", lambda route: route.abort())
    page.locator(".picker > summary").click()
    page.get_by_placeholder("Rechercher des modèles").fill("Broken")
    page.locator(".picker__row:not([hidden]) label").first.click()
    page.get_by_label("Votre message").fill("1")
    page.keyboard.press("Enter")
    expect_status(answer(page), "failed")
    expect(answer(page).locator("[data-problem]")).to_contain_text("La réponse s’est interrompue")


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("language", ["de", "es", "fr", "ru", "hi", "zh-CN", "ar"])
def test_no_text_is_too_long_for_its_place(visit: Visit, watch: Watch, language: str, size: str) -> None:
    watch.expect("/nowhere")
    page = visit(locale=language, size=size)
    for path in ("/", "/accounts/login/", "/accounts/signup/", "/nowhere"):
        page.goto(path)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
        cut = page.evaluate(
            "[...document.querySelectorAll('button, .button, label, summary, .sidebar__command > span')]"
            ".filter(element => element.checkVisibility() && getComputedStyle(element).clipPath === 'none')"
            ".filter(element => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 1)"
            ".map(element => element.outerHTML.slice(0, 120))"
        )
        assert cut == [], path


@pytest.mark.parametrize("language", ["ar", "hi"])
def test_letters_that_join_are_not_spaced(visit: Visit, language: str) -> None:
    page = visit(locale=language)
    spaced = page.evaluate(
        "[...document.querySelectorAll('body *')]"
        ".filter(one => !['normal', '0px'].includes(getComputedStyle(one).letterSpacing)).length"
    )
    assert spaced == 0
