"""Pages of judging: votes, names, differences, exports, the ranking. Each view parses, makes one call and renders.

A form works without JavaScript and leads back to the chat; a script asks with HX-Request and draws what has changed.
"""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.datastructures import MultiValueDictKeyError
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.actors import Actor
from accounts.rules import Who, allow
from artifacts import diffs
from chat import context, exports, markdown, standings, transcripts, turns, votes
from chat.models import Chat, Message
from config.errors import BadRequest, NotFound
from config.ids import uuid7


@require_POST
@allow(Who.ACTOR, owns="chat")
def vote(request: HttpRequest, chat_id: UUID, message_id: UUID) -> HttpResponse:
    """`choice` is up, down, tie, bad or none; `better` instead of it names the better answer."""
    actor, message = _message(request, chat_id, message_id)
    better = _uuid(request.POST.get("better", ""), "better")
    votes.cast(actor, message.pk, "better" if better else request.POST.get("choice", ""), better)
    return _changed(request, message)


@require_POST
@allow(Who.ACTOR, owns="chat")
def reveal(request: HttpRequest, chat_id: UUID, message_id: UUID) -> HttpResponse:
    """The names of a blind comparison, without a vote."""
    actor, message = _message(request, chat_id, message_id)
    return _changed(request, votes.reveal(actor, message.pk))


@require_POST
@allow(Who.ACTOR, owns="chat")
def tag(request: HttpRequest, chat_id: UUID, message_id: UUID) -> HttpResponse:
    """What the question was about, in a word."""
    actor, message = _message(request, chat_id, message_id)
    try:
        votes.label(actor, message.pk, request.POST["tag"])
    except MultiValueDictKeyError:
        raise BadRequest("vote", param="tag") from None
    return _changed(request, votes.question_of(actor, message.pk))


@require_POST
@allow(Who.ACTOR, owns="chat")
def synthesis(request: HttpRequest, chat_id: UUID, message_id: UUID) -> HttpResponse:
    """One more answer, which `model` makes out of those that are there."""
    actor, message = _message(request, chat_id, message_id)
    question = votes.question_of(actor, message.pk)
    sides = [answer.id for answer in transcripts.turn(question.chat, question.pk).candidates]
    model = request.POST.get("model", "")
    turn_id = _uuid(request.POST.get("id", ""), "id") or uuid7()
    turns.admit(actor)
    # Without sides it is a synthesis all the same, and refused as such.
    turns.answer(actor, turn_id, question.pk, [model], {"synthesis": sides or [question.pk]})
    return _changed(request, question)


@require_safe
@allow(Who.ACTOR, owns="chat")
def difference(request: HttpRequest, chat_id: UUID, message_id: UUID) -> HttpResponse:
    """Any two answers of one question word by word: `?one=` and `?other=`, else the first two that are shown."""
    _actor, message = _message(request, chat_id, message_id)
    turn = transcripts.turn(message.chat, message.parent_id or message.pk)
    sides = [answer for answer in turn.all_answers if answer.markdown and not answer.active]
    wanted = {name: _side(message.chat, turn, sides, request.GET.get(name, "")) for name in ("one", "other")}
    if len(sides) < 2:
        raise BadRequest("diff", _("There are no two answers to compare."))
    one = wanted["one"] or next(side for side in sides if side != wanted["other"])
    other = wanted["other"] or next(side for side in sides if side != one)
    values = {
        "chat": message.chat,
        "turn": turn,
        "sides": sides,
        "one": one,
        "other": other,
        "difference": diffs.compare(markdown.plain(one.markdown), markdown.plain(other.markdown)),
    }
    part = request.headers.get("HX-Request")
    return _private(request, "compare/_difference.html" if part else "compare/difference.html", values)


@require_safe
@allow(Who.ACTOR, owns="chat")
def export(request: HttpRequest, chat_id: UUID, message_id: UUID, form: str) -> HttpResponse:
    """A comparison as a file."""
    actor, message = _message(request, chat_id, message_id)
    write = exports.FORMS[form]
    comparison = exports.read(actor, message.pk)
    response = HttpResponse(write.write(comparison), content_type=write.media_type)
    response["Content-Disposition"] = f'attachment; filename="{exports.file_name(comparison)}.{form}"'
    patch_cache_control(response, private=True, no_cache=True)
    return response


@require_safe
@allow(Who.ACTOR)
def ranking(request: HttpRequest) -> HttpResponse:
    """Who wins by the votes of the reader's tenant; `?tag=` those under a word, `?blind=1` those cast blind."""
    actor = context.actor_of(request)
    word, blind = request.GET.get("tag", "")[: votes.TAG_MAX], request.GET.get("blind") == "1"
    values = {
        "table": standings.read(actor, tag=word, blind=blind),
        "tags": votes.tags(actor),
        "tag": word,
        "blind": blind,
    }
    return _private(request, "compare/ranking.html", values)


def _message(request: HttpRequest, chat_id: UUID, message_id: UUID) -> tuple[Actor, Message]:
    """The reader and a message of a chat of theirs. Raises NotFound."""
    actor = context.actor_of(request)
    if actor is None:
        raise NotFound("message")
    chat = Chat.objects.writable_by(actor).get_or_404(chat_id)
    message = Message.objects.filter(chat=chat).get_or_404(message_id)
    return actor, message


def _changed(request: HttpRequest, message: Message) -> HttpResponse:
    """The way back to the chat, or for a script no more than what it cannot draw itself."""
    if not request.headers.get("HX-Request"):
        place = f"#m-{message.pk}" if message.role == Message.Role.ASSISTANT else f"#t-{message.pk}"
        response = HttpResponseRedirect(f"{reverse('chat', args=[message.chat_id])}?at={message.pk}{place}")
        response.status_code = 303
        return response
    if message.role == Message.Role.USER:
        return HttpResponse(status=204)  # the page draws the turn as it draws any other
    turn = transcripts.turn(message.chat, message.pk)
    answer = next(answer for answer in turn.all_answers if answer.id == message.pk)
    return _private(request, "chat/_thumbs.html", {"chat": message.chat, "turn": turn, "answer": answer})


def _side(
    chat: Chat, turn: transcripts.Turn, sides: list[transcripts.Answer], wanted: str
) -> transcripts.Answer | None:
    """The side that was asked for. An earlier version of an answer, which is not shown, joins `sides`."""
    message_id = _uuid(wanted, "one")
    if message_id is None:
        return None
    for side in sides:
        if side.id == message_id:
            return side
    other = transcripts.turn(chat, message_id)
    for side in other.all_answers:
        if other.question.id == turn.question.id and side.id == message_id and side.markdown and not side.active:
            sides.append(side)
            return side
    raise NotFound("message")


def _private(request: HttpRequest, template: str, values: dict[str, object]) -> HttpResponse:
    """It is theirs alone and may be old a moment later."""
    with timezone.override(context.zone(request)):
        response = render(request, template, values)
    patch_cache_control(response, private=True, no_cache=True)
    patch_vary_headers(response, ["Cookie", "HX-Request"])
    return response


def _uuid(value: str, name: str) -> UUID | None:
    if not value:
        return None
    try:
        return UUID(value)
    except ValueError:
        raise BadRequest("page", param=name) from None
