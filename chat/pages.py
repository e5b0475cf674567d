"""The pages of the product. Each view parses, makes one domain call and renders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import logins
from accounts.actors import Actor
from accounts.rules import Who, allow
from chat import comparisons, context, offline, pickers, sets, transcripts, turns
from chat.models import Chat
from chat.transcripts import BLANK_ANSWER, BLANK_QUESTION, Transcript
from config.errors import AppError, BadRequest
from config.ids import uuid7


@dataclass(frozen=True, slots=True)
class Draft:
    """What is in the composer: from the address, or sent back because it could not be accepted."""

    text: str = ""
    models: Sequence[str] = ()


@require_safe
@allow(Who.ANYONE)
def new(request: HttpRequest) -> HttpResponse:
    """An empty chat. It becomes a row with its first question."""
    if context.actor_of(request) is None and not settings.ALLOW_GUESTS:
        return redirect(settings.LOGIN_URL)
    return _page(request, draft=Draft(request.GET.get("query", "")))


@require_safe
@allow(Who.ANYONE)
def compare(request: HttpRequest) -> HttpResponse:
    """A new chat ready for a comparison, and the comparisons made before; `?models=` a,b,c, `?before=` a question."""
    actor = context.actor_of(request)
    if actor is None and not settings.ALLOW_GUESTS:
        return redirect(settings.LOGIN_URL)
    made, more = comparisons.recent(actor, transcripts.labelled(), before=_uuid(request.GET.get("before"), "before"))
    if "before" in request.GET and request.headers.get("HX-Request"):
        return _render(request, "chat/_comparisons.html", {"comparisons": made, "comparisons_next": more})
    models = pickers.usable(pickers.from_cookie(request.GET.get("models", ""))) or pickers.suggested()
    draft = Draft(request.GET.get("query", ""), models)
    return _page(
        request,
        draft=draft,
        more={"comparing": True, "comparisons": made, "comparisons_next": more, "sets": sets.offers(actor)},
    )


@require_safe
@allow(Who.ACTOR, owns="chat")
def conversation(request: HttpRequest, chat_id: UUID) -> HttpResponse:
    """The end of a chat's chosen branch; `?at=` the branch through a message, `?before=` what lies above one."""
    chat = Chat.objects.visible_to(context.actor_of(request)).with_unread().get_or_404(chat_id)
    before = _uuid(request.GET.get("before"), "before")
    transcript = transcripts.window(chat, at=_uuid(request.GET.get("at"), "at"), before=before)
    if before and request.headers.get("HX-Request"):
        return _render(
            request, "chat/_turns.html", {"chat": chat, "turns": transcript.turns, "earlier": transcript.earlier}
        )
    Chat.objects.mark_read(chat)
    return _page(request, chat, transcript)


@require_safe
@allow(Who.ACTOR, owns="chat")
def message(request: HttpRequest, chat_id: UUID, message_id: UUID) -> HttpResponse:
    """One answer as it stands now; of a question, the question with its answers. `?seen` by somebody who looks."""
    chat = Chat.objects.visible_to(context.actor_of(request)).with_unread().get_or_404(chat_id)
    turn = transcripts.turn(chat, message_id)
    if "seen" in request.GET:
        Chat.objects.mark_read(chat)
    for answer in turn.all_answers:
        if answer.id == message_id:
            return _render(request, "chat/_answer.html", {"chat": chat, "turn": turn, "answer": answer})
    return _render(request, "chat/_turn.html", {"chat": chat, "turn": turn})


@require_POST
@allow(Who.ACTOR, owns="chat")
def choose(request: HttpRequest, chat_id: UUID, message_id: UUID) -> HttpResponse:
    """Everybody goes on with this answer; with a question, each lane goes on by itself."""
    actor: Actor = request.actor  # type: ignore[attr-defined]  # declared in no stub; the rule let only actors in
    turns.choose(actor, Chat.objects.writable_by(actor).get_or_404(chat_id), message_id)
    response = redirect("chat", chat_id)
    response.status_code = 303
    return response


@require_safe
@allow(Who.ACTOR)
def sidebar(request: HttpRequest) -> HttpResponse:
    """The reader's chats and what is left today; `?after=` a following page of rows, `?query=` those called so."""
    after, current = request.GET.get("after", ""), _uuid(request.GET.get("current"), "current")
    words = request.GET.get("query", "")
    chats = context.chats_of(request, after=after, current=current, words=words)
    values = {"chat_groups": chats.groups, "chat_next": chats.next, "chat_after": after, "chat_words": words}
    template = "chat/_sidebar_list.html" if after or words else "chat/_sidebar_live.html"
    return _render(request, template, values | ({"chat": {"id": current}} if current else {}))


@require_http_methods(["GET", "POST"])
@allow(Who.ANYONE)
def ask(request: HttpRequest) -> HttpResponse:
    """Asking without JavaScript. What cannot be accepted comes back with the reason, and with its text kept."""
    if request.method == "GET":  # the address of a page that came back with an error
        return redirect("new")
    draft = Draft(request.POST.get("text", ""), tuple(request.POST.getlist("models")))
    try:
        turn = _send(request, draft)
    except AppError as problem:
        return _refused(request, draft, problem)
    response = redirect("chat", turn.chat.id)
    response.status_code = 303
    return response


@require_safe
@allow(Who.ANYONE)
def manifest(request: HttpRequest) -> HttpResponse:
    """What makes the site an app that can be installed."""
    icons = [
        {"src": static(f"img/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png"} for size in (192, 512)
    ]
    # Whole to the edges, for systems that cut their own shape out of it.
    icons.append(icons[-1] | {"src": static("img/icon-maskable-512.png"), "purpose": "maskable"})
    body = {
        "name": "Polylogue",
        "short_name": "Polylogue",
        "id": "/",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#fafaf8",
        "theme_color": "#fafaf8",
        "icons": icons,
    }
    return JsonResponse(body, content_type="application/manifest+json")


@require_safe
@allow(Who.ANYONE)
def robots(request: HttpRequest) -> HttpResponse:
    """The front page may be found, nothing behind it."""
    return HttpResponse("User-agent: *\nAllow: /$\nDisallow: /\n", content_type="text/plain")


def _send(request: HttpRequest, draft: Draft) -> turns.Turn:
    actor = request.actor = logins.enter_as_guest(request)  # type: ignore[attr-defined]  # declared in no stub
    form = request.POST
    turns.admit(actor)
    return turns.send(
        actor,
        turns.NewTurn(
            id=_uuid(form.get("id"), "id") or uuid7(),
            chat=_uuid(form.get("chat"), "chat"),
            parent=_uuid(form.get("parent"), "parent"),
            edit=_uuid(form.get("edit"), "edit"),
            text=draft.text,
            models=draft.models or pickers.offer(_remembered(request, pickers.COOKIE)).chosen,
            options={"blind": True} if form.get("blind") else {},
        ),
    )


def _refused(request: HttpRequest, draft: Draft, problem: AppError) -> HttpResponse:
    """The page the question was asked on, if it is the reader's, with the status of the problem."""
    try:
        chat_id = _uuid(request.POST.get("chat"), "chat")
    except BadRequest:
        chat_id = None
    chat = Chat.objects.visible_to(context.actor_of(request)).filter(pk=chat_id).first() if chat_id else None
    response = _page(request, chat, transcripts.window(chat) if chat else None, draft=draft, problem=problem)
    response.status_code = problem.status
    if seconds := problem.details.get("retry_after_s"):
        response["Retry-After"] = str(seconds)
    return response


def _page(
    request: HttpRequest,
    chat: Chat | None = None,
    transcript: Transcript | None = None,
    *,
    draft: Draft = Draft(),
    problem: AppError | None = None,
    more: dict[str, Any] | None = None,
) -> HttpResponse:
    transcript = transcript or Transcript((), None, None)
    chats = context.chats_of(request, current=chat.id if chat else None)
    response = _render(
        request,
        "chat/page.html",
        {
            "page_title": str(chat) if chat else _("New chat"),
            "chat": chat,
            "turns": transcript.turns,
            "earlier": transcript.earlier,
            "head": transcript.head,
            "aside": transcript.aside,
            "refreshing": transcript.active,
            "picker": pickers.offer(
                draft.models or transcript.models or _remembered(request, pickers.COOKIE),
                _remembered(request, pickers.FAVOURITES),
            ),
            "new_id": uuid7(),
            "draft_text": draft.text,
            "problem": problem,
            "renews_at": parse_datetime(str(problem.details.get("renews_at", ""))) if problem else None,
            "blank_answer": BLANK_ANSWER,
            "blank_question": BLANK_QUESTION,
            "chat_groups": chats.groups,
            "chat_next": chats.next,
            "sets": sets.offers(None),  # the reader's own are fetched when they open the list
            **(more or {}),
        },
    )
    offline.mark(response, actor := context.actor_of(request))
    if actor is None:
        logins.remember_visitor(request, response)
    return response


def _render(request: HttpRequest, template: str, values: dict[str, Any]) -> HttpResponse:
    """A page or a part of one, in the reader's time. It is theirs alone and may be old a moment later."""
    with timezone.override(context.zone(request)):
        response = render(request, template, values)
    patch_cache_control(response, private=True, no_cache=True)
    patch_vary_headers(response, ["Cookie", "HX-Request"])
    return response


def _remembered(request: HttpRequest, cookie: str) -> tuple[str, ...]:
    return pickers.from_cookie(request.COOKIES.get(cookie, ""))


def _uuid(value: str | None, name: str) -> UUID | None:
    """An id from an address or a form; None when it is empty. Raises BadRequest."""
    if not value:
        return None
    try:
        return UUID(value)
    except ValueError:
        raise BadRequest("page", param=name) from None
