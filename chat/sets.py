"""Named sets of models: kept, chosen and deleted in the list of models. Guests may have some too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actors import Actor
from accounts.rules import Who, allow
from chat import context, pickers
from chat.models import ModelSet
from config.errors import BadRequest

MOST: Final = 20  # sets of one person


@dataclass(frozen=True, slots=True)
class Offer:
    """A set as the list of models shows it; the suggested one has no id and no name of its own."""

    id: UUID | None
    name: str
    models: tuple[str, ...]

    @property
    def url(self) -> str:
        """Where the set is chosen without a script."""
        return f"{reverse('compare')}?{urlencode({'models': ','.join(self.models)})}"


def offers(actor: Actor | None) -> list[Offer]:
    """The suggested set, then the actor's own, as far as their models can be used. One query, for nobody none."""
    suggested = Offer(None, "", pickers.suggested())
    if actor is None:
        return [suggested]
    own = [(one.pk, one.name, pickers.usable(one.members)) for one in ModelSet.objects.visible_to(actor)[:MOST]]
    return [suggested, *(Offer(set_id, name, models) for set_id, name, models in own if models)]


def keep(actor: Actor, name: str, models: Sequence[str]) -> ModelSet:
    """Keep a set under a name; the same name again replaces it. Raises BadRequest."""
    name = " ".join(name.replace("\x00", "").split())[:60]
    members = pickers.usable(models)
    if not name:
        raise BadRequest("set", _("Give the set a name."), param="name")
    if not members:
        raise BadRequest("set", _("Choose a model first."), param="models")
    mine = ModelSet.objects.writable_by(actor)
    if mine.count() >= MOST and not mine.filter(name=name).exists():
        raise BadRequest("set", _("There are %(count)s sets already.") % {"count": MOST}, param="name")
    kept, _created = mine.update_or_create(
        name=name, defaults={"members": members}, create_defaults={**_owned(actor), "name": name, "members": members}
    )
    return kept


@require_http_methods(["GET", "POST"])
@allow(Who.ACTOR)
def kept(request: HttpRequest) -> HttpResponse:
    """The sets as they are now; a POST makes `name` and `models` (repeated) one of them."""
    if request.method == "POST":
        keep(_actor(request), request.POST.get("name", ""), request.POST.getlist("models"))
    return _list(request)


@require_POST
@allow(Who.ACTOR, owns="set")
def deleted(request: HttpRequest, set_id: UUID) -> HttpResponse:
    ModelSet.objects.writable_by(_actor(request)).get_or_404(set_id).delete()
    return _list(request)


def _list(request: HttpRequest) -> HttpResponse:
    if not request.headers.get("HX-Request"):
        return redirect("new")
    return render(request, "chat/_sets.html", {"sets": offers(context.actor_of(request))})


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]  # declared in no stub; the rule let only actors in
    return actor


def _owned(actor: Actor) -> dict[str, Any]:
    return {"tenant_id": actor.tenant_id, "owner_id": actor.id}
