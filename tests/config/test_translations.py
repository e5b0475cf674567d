"""No string is left behind: what we say goes through gettext, and every catalog can say it."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Message as Entry
from django.conf import settings
from django.test import Client, override_settings
from django.utils import translation
from django.utils.translation import trans_real

from accounts.models import User
from chat.models import Chat, Message, ModelSet, Run, Vote
from config import translations
from config.ids import uuid7
from providers import catalog
from tests import cast

ROOT = Path(__file__).resolve().parents[2]
PLACEHOLDER = re.compile(r"%+\(\w+\)\w|%+[a-z]\b|\{\w*\}")
TAG = re.compile(r"</?[a-z]+|href=")
# What django.utils.translation hands its questions to.
BEHIND_GETTEXT: Any = vars(translation)["_trans"]
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != "en"]

Pages = dict[str, str]


pytestmark = pytest.mark.usefixtures("catalogs")


# --- Catalogs --------------------------------------------------------------------------------------


def entries(locale: str) -> list[Entry]:
    return [message for message in translations.read(locale) if message.id]


def texts(entry: Entry) -> tuple[list[str], list[str]]:
    """What is said, and what is said instead: one text each, or all forms."""
    said = [entry.id] if isinstance(entry.id, str) else list(entry.id)
    return said, [entry.string] if isinstance(entry.string, str) else list(entry.string or ())


def test_there_is_a_catalog_for_each_language() -> None:
    assert [translation.to_locale(code) for code in sorted(LANGUAGES)] == list(translations.LOCALES)


@pytest.mark.parametrize("locale", translations.LOCALES)
def test_a_catalog_has_what_the_sources_say_and_nothing_else(locale: str) -> None:
    """`make messages` brings it up to date; the new ones then wait for a translation."""
    there = {(entry.id if isinstance(entry.id, str) else tuple(entry.id), entry.context) for entry in entries(locale)}
    wanted = set(translations.wanted(locale))
    assert (wanted - there, there - wanted) == (set(), set())


@pytest.mark.parametrize("locale", translations.LOCALES)
def test_everything_is_translated(locale: str) -> None:
    forms = translations.Words(locale).num_plurals
    for entry in entries(locale):
        said, instead = texts(entry)
        assert all(instead), f"{locale}: {said[0]!r} has no translation"
        assert not entry.fuzzy, f"{locale}: {said[0]!r} is a guess"
        assert len(instead) == (forms if entry.pluralizable else 1), f"{locale}: {said[0]!r} lacks a plural form"


@pytest.mark.parametrize("locale", translations.LOCALES)
@pytest.mark.parametrize("what", [PLACEHOLDER, TAG], ids=["placeholders", "tags"])
def test_a_translation_keeps(locale: str, what: re.Pattern[str]) -> None:
    for entry in entries(locale):
        said, instead = texts(entry)
        # A singular may do without its number, a plural may not; so a form has what one of the two has.
        kept = [Counter(what.findall(text)) for text in said]
        assert all(Counter(what.findall(text)) in kept for text in instead), f"{locale}: {said[0]!r}"


def test_gettext_is_not_hidden_in_an_f_string() -> None:
    """Python before 3.12 has no tokens there, so what is said would not be collected everywhere."""
    hidden = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for folder in translations.OURS
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr)
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in translations.KEYWORDS
    ]
    assert hidden == []


# --- Pages -----------------------------------------------------------------------------------------


@pytest.fixture
def pages(ada: User) -> Callable[[], Pages]:
    """`pages()` renders what people meet. What they themselves and models say in it has no letters."""
    chat = _chat_in_every_state(ada)
    open_one, blind = _comparison(ada), _comparison(ada, veil="down")
    chosen = cast.make_chat(owner=ada, models=("demo", "demo/fast"), question="1?", answer="1234", title="1234")
    ModelSet.objects.create(tenant=ada.home, owner=ada, name="1234", members=["demo"])
    browser = cast.browser(ada, raise_request_exception=False)
    visitor = cast.browser(raise_request_exception=False)

    def render(language: str = "en") -> Pages:
        def get(client: Client, path: str) -> str:
            return client.get(path, headers={"Accept-Language": language}).content.decode()

        def post(client: Client, path: str, **data: Any) -> str:
            return client.post(path, data, headers={"Accept-Language": language}).content.decode()

        broken = override_settings(ROOT_URLCONF="tests.config.urls")
        with broken:
            errors = {how: get(visitor, f"/fail/{how}") for how in ("absent", "limited", "provider", "bug", "denied")}
        return {
            **errors,
            "start": get(visitor, "/"),
            "chat": get(browser, f"/chat/{chat.id}"),
            "comparison": get(browser, f"/chat/{open_one.chat_id}"),
            "chosen answer": get(browser, f"/chat/{chosen.pk}"),
            "ready to compare": get(browser, "/compare"),
            "blind comparison": get(browser, f"/chat/{blind.chat_id}"),
            "differences": get(browser, f"/chat/{open_one.chat_id}/messages/{open_one.pk}/difference"),
            "ranking": get(browser, "/compare/ranking"),
            "no ranking": get(browser, "/compare/ranking?tag=1"),
            "sidebar": get(browser, "/sidebar"),
            "not found": get(visitor, "/nowhere"),
            "nothing asked": post(visitor, "/chat", id=str(uuid7()), text=" "),
            "too many models": post(browser, "/chat", id=str(uuid7()), text="?", models=["demo"] * 7),
            "log-in": get(visitor, "/accounts/login/"),
            "wrong password": post(visitor, "/accounts/login/", login="0@1.23", password="45"),
            "sign-up": get(visitor, "/accounts/signup/"),
            "sign-up refused": post(visitor, "/accounts/signup/", email="0", password1="12345"),
            "forgotten password": get(visitor, "/accounts/password/reset/"),
            "log-out": get(browser, "/accounts/logout/"),
        }

    return render


def _comparison(owner: User, veil: str = "") -> Message:
    """The question of one that has been voted on."""
    chat = cast.make_chat(owner=owner, models=("demo", "demo/fast"), question="1?", answer="1234", title="1234")
    question = chat.messages.get(role=Message.Role.USER)
    question.veil = veil
    question.save()
    chat.head = question
    chat.save()
    answers = chat.messages.filter(role=Message.Role.ASSISTANT).order_by("position")
    compared = [{"answer": str(answer.pk), "model": answer.model} for answer in answers]
    if not veil:
        Vote.objects.create(
            tenant=owner.home, person=owner, message=question, choice="tie", compared=compared, blind=True, tag="1"
        )
        Run.objects.filter(message__in=answers).update(cost_nano=10**6, duration_ms=900, tokens_out=8)
    return question


def _chat_in_every_state(owner: User) -> Chat:
    chat = cast.make_chat(
        owner=owner, question="1?", answer=f"{uuid7().int}\n\n- [x] 1\n- [ ] 2\n\n|1|2|\n|-|-|\n|3|4|"
    )
    chat.title = "1234"
    question = chat.messages.get(role=Message.Role.USER)
    hours = [{"time": "2025-01-01T12:00", "temperature": 3}]
    weather = {"place": "12", "temperature": 4, "sky": "light rain", "hours": hours}
    tool = {"type": "tool", "call": "1", "name": "get_weather", "arguments": "{}"}
    states: list[tuple[Run.Status, list[dict[str, Any]], dict[str, Any]]] = [
        (Run.Status.QUEUED, [], {}),
        (Run.Status.STREAMING, [], {}),
        (Run.Status.STOPPED, [{"type": "reasoning", "text": "1", "ms": 3_000}], {}),
        (Run.Status.INTERRUPTED, [{"type": "reasoning", "text": "1", "ms": 0}], {"error_code": "interrupted:run"}),
        (Run.Status.FAILED, [], {"error_code": "x:run", "error_message": "The model did not answer in time."}),
        (Run.Status.COMPLETE, [tool | {"ok": True, "result": weather}, tool | {"ok": False, "result": {}}], {}),
    ]
    figures = {"duration_ms": 65_000, "ttft_ms": 500, "tokens_in": 1, "tokens_out": 1_348, "cost_nano": 21_000}
    for position, (status, parts, fields) in enumerate(states, 1):
        answer = Message.objects.create(
            chat=chat, parent=question, role="assistant", model="demo", position=position, parts=parts
        )
        Run.objects.create(
            tenant=chat.tenant, owner=owner, message=answer, turn=question.id, position=position, model="demo",
            status=status, **figures, **fields,
        )  # fmt: skip
    chat.save()
    return chat


class Reader(HTMLParser):
    """Keeps the letters that a person sees or hears, other than those between ⟦ and ⟧."""

    NAMES = ("aria-label", "title", "placeholder", "alt", "aria-description")
    VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
    # Names of keys, codes and drawings; what is in no language, or names itself in its own.
    SILENT = frozenset("script style code pre kbd svg".split())

    def __init__(self) -> None:
        super().__init__()
        self.bare: list[str] = []
        self._open: list[bool] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        silent = tag in self.SILENT or "aria-hidden" in values or ("lang" in values and tag != "html")
        if not silent and not any(self._open):
            named = [values[name] for name in self.NAMES if name in values]
            described = [values["content"]] if values.get("name") == "description" else []
            self.bare += [text for value in named + described if (text := self._outside(value, 0)[0].strip())]
        if tag not in self.VOID:
            self._open.append(silent)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID and self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if any(self._open):
            return
        text, self._depth = self._outside(data, self._depth)
        if text.strip():
            self.bare.append(text.strip())

    @staticmethod
    def _outside(text: str, depth: int) -> tuple[str, int]:
        kept = []
        for letter in text:
            depth += {"⟦": 1, "⟧": -1}.get(letter, 0)
            if depth == 0 and letter != "⟧":
                kept.append(letter)
        return "".join(kept), depth


def _without_names(text: str) -> str:
    """Codes, ids, and names of people, products, models and formats are the same in every language."""
    text = re.sub(r"\b[a-z_]+:[a-z]+\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "", text)
    names = {"Polylogue", "Ada", "ada@example.org", "A", "Markdown", "CSV", "JSON"}
    for entry in catalog.entries():
        names |= {entry.spec.label, catalog.provider_label(entry.spec.provider)}
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "", text)
    return text


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes through gettext comes back between ⟦ and ⟧."""

    def mark(text: str) -> str:
        return f"⟦{text}⟧" if text else text

    monkeypatch.setattr(BEHIND_GETTEXT, "gettext", mark)
    monkeypatch.setattr(BEHIND_GETTEXT, "pgettext", lambda _context, text: mark(text))
    monkeypatch.setattr(BEHIND_GETTEXT, "ngettext", lambda one, many, count: mark(one if count == 1 else many))
    monkeypatch.setattr(
        BEHIND_GETTEXT, "npgettext", lambda _context, one, many, count: mark(one if count == 1 else many)
    )


@pytest.mark.usefixtures("marked")
def test_every_word_on_a_page_goes_through_gettext(pages: Callable[[], Pages]) -> None:
    said: dict[str, list[str]] = {}
    for name, html in pages().items():
        reader = Reader()
        reader.feed(html)
        bare = [text for text in reader.bare if re.search(r"[^\W\d_]", _without_names(text))]
        if bare:
            said[name] = bare
    assert said == {}


@pytest.mark.usefixtures("marked")
def test_every_word_of_a_script_goes_through_gettext(db: None) -> None:
    bare = {key: text for key, text in _strings(Client()).items() if not re.fullmatch(r"⟦.*⟧", text, re.DOTALL)}
    assert bare == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_whole_in(language: str, pages: Callable[[str], Pages], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what Django and allauth say on it: nothing falls back to English."""
    known: Any = vars(trans_real.translation(language))["_catalog"]
    asked, lacking = set(), set()
    plain, plural = BEHIND_GETTEXT.gettext, BEHIND_GETTEXT.ngettext

    def gettext(text: str) -> str:
        asked.add(text)
        if re.search(r"\w", text) and known.get(text) is None:
            lacking.add(text)
        said: str = plain(text)
        return said

    def ngettext(one: str, many: str, count: int) -> str:
        asked.add(one)
        if known.plural(one, count) is None:
            lacking.add(one)
        said: str = plural(one, many, count)
        return said

    monkeypatch.setattr(BEHIND_GETTEXT, "gettext", gettext)
    monkeypatch.setattr(BEHIND_GETTEXT, "ngettext", ngettext)
    rendered = pages(language)
    direction = "rtl" if language == "ar" else "ltr"
    assert all(
        f'<html lang="{language}" dir="{direction}"' in html for name, html in rendered.items() if name != "sidebar"
    )
    assert len(asked) > 150
    assert lacking == set()


def test_what_was_kept_in_english_is_read_in_the_readers_language(pages: Callable[[str], Pages]) -> None:
    assert "Das Modell hat nicht rechtzeitig geantwortet." in pages("de")["chat"]


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("de-AT,en;q=0.5", "de"),
        ("es-MX", "es"),
        ("zh-CN", "zh-hans"),
        ("ar-EG,ar", "ar"),
        ("tlh,fr;q=0.8", "fr"),
        ("tlh", "en"),
    ],
)
def test_a_page_comes_in_the_language_that_the_browser_asks_for(db: None, wanted: str, language: str) -> None:
    assert f'<html lang="{language}"' in Client().get("/", headers={"Accept-Language": wanted}).content.decode()


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/nowhere"])
def test_a_page_offers_every_language_by_its_own_name(db: None, path: str) -> None:
    html = Client().get(path).content.decode()
    offered = re.findall(r'<button[^>]* name="language" value="([\w-]+)"[^>]*>([^<]+)<', html)
    assert [code for code, _name in offered] == [code for code, _name in settings.LANGUAGES]
    assert {"Deutsch", "Русский", "Français", "العربيّة", "简体中文"} <= {name for _code, name in offered}


# --- Scripts ---------------------------------------------------------------------------------------

SCRIPTS = sorted((ROOT / "static" / "js").rglob("*.js"))
LITERAL = re.compile(
    r'"((?:[^"\\\n]|\\.)*)"|\'((?:[^\'\\\n]|\\.)*)\'|`((?:[^`\\\n]|\\.)*)`|//[^\n]*|/\*.*?\*/', re.DOTALL
)
SENTENCE = re.compile(r"^[A-Z][a-z]+( [a-z]+)+|[A-Z][a-z]+.*[.!?…]$|^([a-z]{2,} ){3,}")
NO_SENTENCES = {"noopener noreferrer nofollow ugc"}
SHOWN = re.compile(
    r"(?:\b(?:textContent|innerText|title|ariaLabel|placeholder|alt)\s*=(?!=)|\"(?:aria-label|title|placeholder)\",|"
    r"\b(?:announce|alert|confirm|prompt)\()\s*[\"'`](?!\$)[^\"'`]*[A-Za-z]{2}"
)


def _strings(client: Client) -> dict[str, str]:
    html = client.get("/").content.decode()
    found = re.search(r'<script type="application/json" id="strings">(.*?)</script>', html, re.DOTALL)
    assert found
    strings: dict[str, str] = json.loads(found[1])
    return strings


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_holds_no_words_of_its_own(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    literals = [next(filter(None, match.groups()), "") for match in LITERAL.finditer(source)]
    assert [text for text in literals if SENTENCE.search(text) and text not in NO_SENTENCES] == []
    assert SHOWN.findall(source) == []


def test_a_script_finds_every_word_that_it_asks_for(db: None) -> None:
    sources = [script.read_text(encoding="utf-8") for script in SCRIPTS]
    asked = {key for source in sources for key in re.findall(r'(?<![#\w])say\("([^"]+)"', source)}
    assert len(asked) > 20
    assert asked - _strings(Client()).keys() == set()
