"""The library and the page of a document, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from artifacts import documents
from artifacts.documents import Base, Origin
from artifacts.models import Document
from config.ids import uuid7
from tests import cast

pytestmark = pytest.mark.django_db

TEXT = "# A walk\n\nThe **red** door.\n\nThe old house.\n"


@pytest.fixture
def document(ada: User) -> Document:
    return documents.create(cast.actor_of(ada), "text", "A walk", TEXT)


@pytest.fixture
def client(ada: User) -> Client:
    return cast.browser(ada)


def url(document: Document, rest: str = "") -> str:
    return f"/documents/{document.pk}{rest}"


def form(page: str) -> dict[str, str]:
    """What the form for editing would send."""
    fields = dict(re.findall(r'<input type="hidden" name="(base|digest)" value="([^"]*)"', page))
    [content] = re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.S)
    return fields | {"content": content}


def test_the_library_lists_filters_deletes_and_undoes(
    client: Client, ada: User, document: Document, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for number in range(10):
        documents.create(cast.actor_of(ada), "sheet", f"Numbers {number}", "a\n")
    with django_assert_max_num_queries(6):
        page = client.get("/library").content.decode()
    assert "A walk" in page and "Numbers 9" in page
    assert "A walk" not in client.get("/library?kind=sheet").content.decode()
    assert "Numbers" not in client.get("/library?query=walk").content.decode()
    page = client.post(url(document, "/delete"), follow=True).content.decode()
    assert f'action="{url(document, "/undelete")}"' in page and url(document) + '"' not in page
    page = client.post(url(document, "/undelete"), follow=True).content.decode()
    assert "<h1" in page and "A walk" in page


def test_text_is_rendered_by_the_one_renderer(client: Client, ada: User) -> None:
    hostile = documents.create(cast.actor_of(ada), "text", "<b>X</b>", "**bold** <script>alert(1)</script>")
    page = client.get(url(hostile)).content.decode()
    assert "<strong>bold</strong>" in page
    assert "<script>alert" not in page and "<b>X</b>" not in page


def test_code_is_coloured_and_a_sheet_is_a_table(client: Client, ada: User) -> None:
    actor = cast.actor_of(ada)
    code = documents.create(actor, "code", "X", "x = '```'\n", language="python")
    assert '<span class="n">x</span>' in client.get(url(code)).content.decode()
    sheet = documents.create(actor, "sheet", "Numbers", 'Item,Price\n"Ink, <b>",4.50\n')
    page = client.get(url(sheet)).content.decode()
    assert '<th scope="col" dir="auto" class="cells__number">Price</th>' in page
    assert '<td dir="auto" class="cells__number">4.50</td>' in page and "Ink, &lt;b&gt;" in page


def test_editing_by_form_keeps_every_mark(client: Client, document: Document) -> None:
    sent = form(client.get(url(document, "?edit")).content.decode())
    assert sent["content"] == TEXT
    sent["content"] = TEXT.replace("red", "blue").replace("\n", "\r\n")
    assert client.post(url(document, "/save"), sent).status_code == 303
    document.refresh_from_db()
    assert documents.version(document).content == TEXT.replace("red", "blue")


def test_two_tabs_lose_nothing(client: Client, document: Document) -> None:
    one, other = (form(client.get(url(document, "?edit")).content.decode()) for _tab in range(2))
    one["content"] = one["content"].replace("red", "blue")
    client.post(url(document, "/save"), one)
    other["content"] = other["content"].replace("old", "new")
    answer = client.post(url(document, "/save"), other)
    assert answer.status_code == 409
    merged = form(answer.content.decode())
    assert merged["content"] == TEXT.replace("red", "blue").replace("old", "new")
    assert client.post(url(document, "/save"), merged).status_code == 303
    document.refresh_from_db()
    assert (document.version, documents.version(document).content) == (3, merged["content"])


def test_two_tabs_that_changed_the_same_word_get_a_choice(client: Client, document: Document) -> None:
    one, other = (form(client.get(url(document, "?edit")).content.decode()) for _tab in range(2))
    one["content"], other["content"] = TEXT.replace("red", "blue"), TEXT.replace("red", "green")
    client.post(url(document, "/save"), one)
    page = client.post(url(document, "/save"), other).content.decode()
    assert '<pre dir="auto">green</pre>' in page and '<pre dir="auto">blue</pre>' in page
    assert form(page)["content"] == TEXT.replace("red", "green")


def test_an_earlier_version_is_shown_compared_and_restored(client: Client, ada: User, document: Document) -> None:
    documents.save(cast.actor_of(ada), document.pk, TEXT.replace("red", "blue"), Base(1))
    page = client.get(url(document, "?version=2&diff=1")).content.decode()
    assert re.search(r"<del>[^<]*red", page) and re.search(r"<ins>[^<]*blue", page)
    assert "red" in client.get(url(document, "?version=1")).content.decode()
    assert client.post(url(document, "/versions/1/restore")).status_code == 303
    document.refresh_from_db()
    assert (document.version, documents.version(document).content) == (3, TEXT)
    assert client.get(url(document, "?version=9")).status_code == 404
    assert client.get(url(document, "?version=x")).status_code == 400


def test_suggestions_are_answered_on_the_page(client: Client, ada: User, document: Document) -> None:
    actor = cast.actor_of(ada)
    [made] = documents.suggest(
        Origin(actor.tenant_id, actor.id, uuid7()), document.pk, 1, [("old house", "new house", "Newer.")]
    )
    page = client.get(url(document)).content.decode()
    assert "<ins>new house</ins>" in page and "Newer." in page
    assert client.post(url(document, f"/suggestions/{made.pk}"), {"answer": "accept"}).status_code == 303
    document.refresh_from_db()
    assert documents.version(document).content == TEXT.replace("old house", "new house")
    assert client.post(url(document, f"/suggestions/{made.pk}"), {"answer": "maybe"}).status_code == 400


def test_a_title_is_changed_on_the_page(client: Client, document: Document) -> None:
    client.post(url(document, "/rename"), {"title": "A long walk"})
    assert "A long walk" in client.get(url(document)).content.decode()
