"""A comparison for programs and files: one question, and what each model answered.

`read` is the only function that asks the database; all others are pure and take what it returns. `session` and
`results` are the shapes in which programs get a comparison; JSON, CSV and Markdown are files for people.
A comparison that is blind leaves as it stands on the page: without names and figures until the vote.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

import orjson
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.actors import Actor
from chat import figures, transcripts
from chat.models import Message, Run
from chat.parts import text_of
from chat.runs.log import usd
from config.errors import NotFound

_NAME_MAX: Final = 60

State = Literal["pending", "streaming", "complete", "error"]

_STATES: Final[dict[str, State]] = {
    Run.Status.QUEUED: "pending",
    Run.Status.STREAMING: "streaming",
    Run.Status.COMPLETE: "complete",
    Run.Status.STOPPED: "complete",
    Run.Status.FAILED: "error",
    Run.Status.INTERRUPTED: "error",
}


@dataclass(frozen=True, slots=True)
class Response:
    """One model's answer. Durations in ms, `cost` in USD; None what is not known, "" names that must not be told."""

    id: UUID
    provider: str
    model: str
    label: str
    text: str
    status: State
    duration_ms: int | None = None
    ttft_ms: int | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: Decimal | None = None
    error: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    id: UUID
    chat: UUID
    title: str
    prompt: str
    created_at: datetime
    responses: tuple[Response, ...]


def file_name(comparison: Comparison) -> str:
    """What its file is called, without a suffix: the question in a few ASCII words, or "comparison"."""
    return slugify(comparison.prompt[:200])[:_NAME_MAX].strip("-") or "comparison"


def read(actor: Actor, message_id: UUID) -> Comparison:
    """The question that a message is, or answers, with its answers in the order of the page. Raises NotFound."""
    message = Message.objects.visible_to(actor).select_related("parent").get_or_404(message_id)
    question = message if message.role == Message.Role.USER else message.parent
    if question is None:
        raise NotFound("message")
    turn = transcripts.turn(message.chat, question.pk)
    ids = [answer.id for answer in turn.answers]
    runs = {run.message_id: run for run in Run.objects.filter(message__in=ids).order_by("created_at", "id")}
    responses = tuple(_response(answer, None if turn.veiled else runs.get(answer.id)) for answer in turn.answers)
    return Comparison(question.pk, message.chat_id, str(message.chat), question.text, question.created_at, responses)


def _response(answer: transcripts.Answer, run: Run | None) -> Response:
    """`run` None leaves the figures out."""
    failed = {"code": answer.error.code, "message": answer.error.message} if answer.error else None
    text, state = text_of(answer.parts), _STATES[answer.status]
    if run is None:
        return Response(answer.id or UUID(int=0), "", answer.model, answer.label, text, state, error=failed)
    return Response(
        run.message_id or UUID(int=0),
        run.provider or run.model.partition("/")[0],
        run.model,
        answer.label,
        text,
        state,
        run.duration_ms,
        run.ttft_ms,
        run.tokens_in,
        run.tokens_out,
        None if run.cost_nano is None else Decimal(usd(run.cost_nano)),
        failed,
    )


# --- Shapes for programs -----------------------------------------------------------------------------


def session(comparison: Comparison) -> dict[str, Any]:
    """As `GET /api/sessions/<id>` answers."""
    return {
        "id": str(comparison.id),
        "title": comparison.title,
        "prompt": comparison.prompt,
        "createdAt": _time(comparison.created_at),
        "responses": [
            {
                "id": str(response.id),
                "provider": response.provider,
                "model": response.model or response.label,
                "text": response.text,
                "status": response.status,
                "durationMs": response.duration_ms,
                "ttftMs": response.ttft_ms,
                "tokensIn": response.tokens_in,
                "tokensOut": response.tokens_out,
                "cost": _plain(response.cost),
                "error": response.error,
            }
            for response in comparison.responses
        ],
    }


def results(comparison: Comparison, now: datetime) -> dict[str, Any]:
    """As `POST /api/aggregate` answers."""
    return {
        "results": [
            {
                "provider": response.provider,
                "model": response.model or response.label,
                "output": response.text,
                "usage": {
                    "inputTokens": response.tokens_in,
                    "outputTokens": response.tokens_out,
                    "costUSD": _plain(response.cost),
                },
                "latencyMs": response.duration_ms,
                "error": response.error,
            }
            for response in comparison.responses
        ],
        "ts": _time(now),
    }


# --- Files for people --------------------------------------------------------------------------------


def as_json(comparison: Comparison) -> bytes:
    return orjson.dumps(session(comparison), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


COLUMNS: Final = (
    "question",
    "model",
    "provider",
    "status",
    "answer",
    "duration_ms",
    "ttft_ms",
    "tokens_in",
    "tokens_out",
    "cost_usd",
    "error",
)


def as_csv(comparison: Comparison) -> bytes:
    """A line for each answer, in UTF-8 with the mark that spreadsheets look for. No cell is ever a formula."""
    out = io.StringIO()
    lines = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    lines.writerow(COLUMNS)
    for response in comparison.responses:
        values = (
            comparison.prompt,
            response.model or response.label,
            response.provider,
            response.status,
            response.text,
            response.duration_ms,
            response.ttft_ms,
            response.tokens_in,
            response.tokens_out,
            _plain(response.cost),
            response.error and response.error["code"],
        )
        lines.writerow([harmless(value) if isinstance(value, str) else value for value in values])
    return out.getvalue().encode("utf-8-sig", errors="replace")


# What a spreadsheet reads as the beginning of a formula, also behind blanks and in the wide forms of East Asia.
_FORMULA: Final = re.compile(r"[\s\x00-\x1f]*[=+\-@＝＋－＠]")


# Where another separator is the custom, a cell may begin in the middle of ours.
_INNER_FORMULA: Final = re.compile(r"(?:(?<=;)|(?<=\S\t))(?=[\s\x00-\x1f]*[=+\-@＝＋－＠])")


def harmless(cell: str) -> str:
    """A cell that no spreadsheet computes: what might be a formula gets an apostrophe, which says that it is text."""
    inner = _INNER_FORMULA.sub("'", cell)
    return f"'{inner}" if cell[:1] in ("\t", "\r", "\n") or _FORMULA.match(cell) else inner


def as_markdown(comparison: Comparison) -> bytes:
    """The question, a table of the figures, and the answers below it, each under its model."""
    head = (_("Model"), _("State"), _("Duration"), _("First token after"), _("Read"), _("Written"), _("Cost"))
    rows = [
        (
            response.label,
            _state(response),
            figures.duration(response.duration_ms),
            figures.duration(response.ttft_ms),
            figures.tokens(response.tokens_in),
            figures.tokens(response.tokens_out),
            figures.money(None if response.cost is None else int(response.cost * figures.NANO)),
        )
        for response in comparison.responses
    ]
    lines = [f"# {_line(comparison.title)}", "", *(f"> {line}" for line in comparison.prompt.splitlines()), ""]
    lines += [_row(head), _row(["---", "---", *["---:"] * (len(head) - 2)]), *(_row(map(_cell, row)) for row in rows)]
    for response in comparison.responses:
        lines += ["", f"## {_line(response.label)}", "", response.text.strip() or f"*{_state(response)}*"]
    return ("\n".join(lines) + "\n").encode(errors="replace")


def _state(response: Response) -> str:
    if response.error:
        return response.error["message"] or _("This answer failed.")
    return {"pending": _("Waiting"), "streaming": _("Working…")}.get(response.status, _("Done"))


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Text that stays in its cell."""
    return _line(text).replace("\\", "\\\\").replace("|", "\\|") or "–"


def _line(text: str) -> str:
    return " ".join(text.split())


def _plain(cost: Decimal | None) -> str | None:
    return None if cost is None else f"{cost:f}"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Form:
    media_type: str
    write: Callable[[Comparison], bytes]


FORMS: Final[dict[str, Form]] = {
    "json": Form("application/json", as_json),
    "csv": Form("text/csv; charset=utf-8", as_csv),
    "md": Form("text/markdown; charset=utf-8", as_markdown),
}
