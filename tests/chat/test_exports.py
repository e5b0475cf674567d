"""A comparison as JSON, CSV and Markdown, and in the shapes that programs get."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.actors import Actor
from accounts.models import User
from chat import exports
from chat.exports import Comparison, Response
from chat.models import Message, Run
from config.errors import NotFound
from tests import cast

FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))
AT = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)

COMPARISON = Comparison(
    id=UUID(int=10),
    chat=UUID(int=11),
    title="Rivers",
    prompt="Which river is\nthe longest?",
    created_at=AT,
    responses=(
        Response(
            FIRST,
            "openai",
            "openai/gpt",
            "GPT",
            "The Nile.\n\n| a | b |",
            "complete",
            1200,
            300,
            7,
            9,
            Decimal("0.0000552"),
        ),
        Response(SECOND, "anthropic", "anthropic/claude", "Claude", "=SUM(A1)", "complete", 900, 200, 7, 3, Decimal(0)),
        Response(
            THIRD, "demo", "demo", "De|mo", "", "error", error={"code": "provider_timeout:run", "message": "Late."}
        ),
    ),
)

texts = st.text(st.characters(codec="utf-8"), max_size=60)


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def with_text(text: str) -> Comparison:
    return Comparison(
        UUID(int=10), UUID(int=11), text, text, AT, (Response(FIRST, "p", "p/m", text, text, "complete"),)
    )


def test_a_session_has_the_published_shape() -> None:
    shape = exports.session(COMPARISON)
    assert {key: shape[key] for key in ("id", "title", "prompt", "createdAt")} == {
        "id": str(UUID(int=10)),
        "title": "Rivers",
        "prompt": "Which river is\nthe longest?",
        "createdAt": "2026-05-04T09:30:00.000Z",
    }
    assert shape["responses"][0] == {
        "id": str(FIRST),
        "provider": "openai",
        "model": "openai/gpt",
        "text": "The Nile.\n\n| a | b |",
        "status": "complete",
        "durationMs": 1200,
        "ttftMs": 300,
        "tokensIn": 7,
        "tokensOut": 9,
        "cost": "0.0000552",
        "error": None,
    }
    assert shape["responses"][2]["status"] == "error"
    assert shape["responses"][2]["error"]["code"] == "provider_timeout:run"


def test_results_have_the_published_shape() -> None:
    shape = exports.results(COMPARISON, AT)
    assert shape["ts"] == "2026-05-04T09:30:00.000Z"
    assert shape["results"][0] == {
        "provider": "openai",
        "model": "openai/gpt",
        "output": "The Nile.\n\n| a | b |",
        "usage": {"inputTokens": 7, "outputTokens": 9, "costUSD": "0.0000552"},
        "latencyMs": 1200,
        "error": None,
    }


def test_json_is_the_session() -> None:
    assert json.loads(exports.as_json(COMPARISON)) == exports.session(COMPARISON)


def test_csv_has_a_line_an_answer_and_plain_numbers() -> None:
    first, second, third = rows(exports.as_csv(COMPARISON))
    assert (first["model"], first["answer"], first["cost_usd"]) == ("openai/gpt", "The Nile.\n\n| a | b |", "0.0000552")
    assert (first["duration_ms"], first["tokens_out"], second["cost_usd"]) == ("1200", "9", "0")
    assert (third["status"], third["error"], third["tokens_in"]) == ("error", "provider_timeout:run", "")


def test_a_formula_in_an_answer_is_text() -> None:
    assert rows(exports.as_csv(COMPARISON))[1]["answer"] == "'=SUM(A1)"


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", " =1", "\xa0=1", "＝1", "－2", "\x00=1"]
)
def test_no_cell_begins_a_formula(cell: str) -> None:
    assert exports.harmless(cell) == f"'{cell}"


@given(texts)
def test_csv_comes_back_as_it_was_but_for_the_apostrophe(text: str) -> None:
    [row] = rows(exports.as_csv(with_text(text)))
    assert row["answer"] in (text, f"'{text}")
    assert row["answer"][:1] not in ("=", "+", "-", "@", "\t", "\r", "\n")


def test_markdown_has_a_table_of_figures_and_every_answer() -> None:
    text = exports.as_markdown(COMPARISON).decode()
    assert text.startswith("# Rivers\n\n> Which river is\n> the longest?\n\n| Model |")
    assert "| GPT | Done | 1.2 s | 0.3 s | 7 tokens | 9 tokens | $0.000055 |" in text
    assert "| De\\|mo | Late. | – | – | – | – | – |" in text
    assert "## GPT\n\nThe Nile." in text and "## De|mo\n\n*Late.*" in text


@given(texts)
def test_a_table_row_stays_one_row(text: str) -> None:
    table = exports.as_markdown(with_text(text)).decode().split("\n\n## ")[0]
    [row] = [line for line in table.split("\n") if line.startswith("| ") and "---" not in line][1:]
    assert len(row.replace("\\\\", "").replace("\\|", "").split(" | ")) == 7


# --- Of a stored comparison --------------------------------------------------------------------------


@pytest.fixture
def question(ada: User) -> Message:
    chat = cast.make_chat(owner=ada, models=("demo/fast", "demo/fast"), title="Twice")
    Run.objects.filter(message__chat=chat).update(
        tokens_in=5, tokens_out=8, cost_nano=1_500_000, ttft_ms=40, duration_ms=600, provider="demo"
    )
    return Message.objects.get(chat=chat, role="user")


@pytest.mark.django_db
def test_what_is_stored_is_what_is_exported(question: Message, ada: User, actor_of: Callable[[User], Actor]) -> None:
    Run.objects.filter(message__position=1).update(status="stopped")
    comparison = exports.read(actor_of(ada), question.pk)
    first, second = comparison.responses
    assert (comparison.prompt, comparison.title) == ("What is a monad?", "Twice")
    assert (first.model, first.status, first.cost, first.duration_ms) == (
        "demo/fast",
        "complete",
        Decimal("0.0015"),
        600,
    )
    assert (second.status, second.tokens_out) == ("complete", 8)
    assert exports.read(actor_of(ada), first.id) == comparison


@pytest.mark.django_db
def test_a_strangers_comparison_is_not_exported(
    question: Message, eve: User, actor_of: Callable[[User], Actor]
) -> None:
    with pytest.raises(NotFound):
        exports.read(actor_of(eve), question.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("form", "media_type"), [("json", "application/json"), ("csv", "text/csv"), ("md", "text/markdown")]
)
def test_files_are_downloaded(
    form: str, media_type: str, question: Message, ada: User, browser: Callable[..., Client]
) -> None:
    response = browser(ada).get(f"/chat/{question.chat_id}/messages/{question.pk}/comparison.{form}")
    assert response["Content-Type"].startswith(media_type)
    assert response["Content-Disposition"] == f'attachment; filename="what-is-a-monad.{form}"'
    assert "endofunctors" in response.content.decode()


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("Wie groß ist “München”?", "wie-gro-ist-munchen"),
        ('a"\r\nSet-Cookie: b=1', "a-set-cookie-b1"),
        ("ما هذا؟", "comparison"),
        ("word " * 50, "word-word-word-word-word-word-word-word-word-word-word-word"),
    ],
)
def test_a_file_is_called_after_its_question_in_plain_letters(prompt: str, name: str) -> None:
    comparison = exports.Comparison(uuid4(), uuid4(), "", prompt, datetime.now(UTC), ())
    assert exports.file_name(comparison) == name
