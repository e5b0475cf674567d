"""The models a person can choose from, as the page lists them, and which are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote

from django.utils.translation import gettext_lazy as _

from chat import figures
from config.errors import ModelUnknown
from providers import catalog
from providers.specs import ABILITIES, ModelSpec

MOST = 6  # models in one comparison
# Written by the browser: ids with commas between. What was chosen last, and what is to stand on top of the list.
COOKIE: Final = "models"
FAVOURITES: Final = "favourites"
ABILITY_LABELS: Final = {
    "vision": _("sees images"),
    "tools": _("uses tools"),
    "reasoning": _("thinks first"),
    "image": _("draws"),
    "transcribe": _("listens"),
}


@dataclass(frozen=True, slots=True)
class Ability:
    name: str
    label: Any


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the list, asked `times` times. Prices are those of a million tokens; `free` when both are nothing."""

    id: str
    label: str
    provider_label: str
    usable: bool
    reason: Any
    abilities: tuple[Ability, ...]
    context: int | None
    context_label: str
    price_in: str | None
    price_out: str | None
    free: bool
    times: int
    favourite: bool

    @property
    def chosen(self) -> bool:
        return self.times > 0


@dataclass(frozen=True, slots=True)
class Group:
    provider: str
    label: Any
    usable: bool
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Picker:
    """`chosen` are model ids in order, at least one; the same one may be there twice.

    Each entry stands in one place: a favourite in `favourites`, any other one in its group.
    """

    favourites: tuple[Entry, ...]
    groups: tuple[Group, ...]
    chosen: tuple[str, ...]

    @property
    def labels(self) -> str:
        """Who will answer, for the closed list."""
        if len(self.chosen) > 2:
            return _("%(count)s models") % {"count": len(self.chosen)}
        return " + ".join(entry.label for entry in self._entries for _time in range(entry.times))

    @property
    def each(self) -> tuple[str, ...]:
        """Everybody who will answer, by name, as often as asked."""
        return tuple(entry.label for entry in self._entries for _time in range(entry.times))

    @property
    def repeated(self) -> tuple[Entry, ...]:
        """Who will answer more than once, each as often as that is more."""
        return tuple(entry for entry in self._entries for _time in range(entry.times - 1))

    @property
    def _entries(self) -> tuple[Entry, ...]:
        return (*self.favourites, *(entry for group in self.groups for entry in group.entries))


def offer(chosen: Sequence[str] = (), favourites: Sequence[str] = ()) -> Picker:
    """Every chat model, with those of `chosen` marked that can be used, else the default one."""
    ids = usable(chosen[:MOST]) or (catalog.default().id,)
    groups = tuple(
        Group(
            group.provider,
            str(group.label),
            group.usable,
            tuple(_entry(entry, str(group.label), ids, favourites) for entry in group.entries),
        )
        for group in catalog.groups()
    )
    listed = {entry.id for group in groups for entry in group.entries}
    # Models that work and are in no list, such as demo/fail@20, must be seen where they are chosen.
    unlisted = tuple(
        _entry(catalog.Entry(catalog.get(model_id)), str(_("Chosen")), ids, favourites)
        for model_id in dict.fromkeys(ids)
        if model_id not in listed
    )
    groups = tuple(sorted(groups, key=lambda group: not group.usable))
    if unlisted:
        groups = (Group("", str(_("Chosen")), True, unlisted), *groups)
    top = tuple(entry for group in groups for entry in group.entries if entry.favourite)
    rest = tuple(replace(group, entries=tuple(e for e in group.entries if not e.favourite)) for group in groups)
    return Picker(top, rest, ids)


def suggested() -> tuple[str, ...]:
    """Whom to compare when nobody said: a fast, a strong and a cheap model, of different providers where that works.

    Price is the only measure the catalog has. The dearest usable model counts as strong; small models that do not
    think first are the fast ones. The demo models stand in where nothing else is connected.
    """
    real = [entry.spec for entry in catalog.entries() if entry.usable and entry.spec.provider != "demo"]
    if not real:
        return ("demo/fast", "demo", "demo/reason")
    strong = max(real, key=_price)
    cheap = min((spec for spec in real if spec is not strong), key=_price, default=strong)
    taken = {strong.provider, cheap.provider}
    fast = min(
        (spec for spec in real if spec not in (strong, cheap)),
        key=lambda spec: (spec.can("reasoning"), spec.provider in taken, _price(spec)),
        default=None,
    )
    return tuple(spec.id for spec in (fast, strong, cheap) if spec)


def usable(models: Sequence[str]) -> tuple[str, ...]:
    """Those of `models` that can be asked now, as many as one comparison takes."""
    return tuple(model_id for model_id in models if _usable(model_id))[:MOST]


def from_cookie(value: str) -> tuple[str, ...]:
    """The ids a browser remembered. A stranger may have written them, so nothing is believed but their form."""
    return tuple(item for item in unquote(value[:1500]).split(",") if item)


def writers() -> list[ModelSpec]:
    """Who can be asked for one answer out of several."""
    return [entry.spec for entry in catalog.entries() if entry.usable]


def demo_only() -> bool:
    """Nobody has connected a real provider yet."""
    return catalog.default().provider == "demo"


def _usable(model_id: str) -> bool:
    try:
        catalog.get(model_id)
    except ModelUnknown:
        return False
    return True


def _price(spec: ModelSpec) -> int:
    """What an answer costs, roughly: three times as much is read as written. Unknown counts as nothing."""
    return spec.price.input * 3 + spec.price.output if spec.price else 0


def _entry(entry: catalog.Entry, group: str, chosen: Sequence[str], favourites: Sequence[str]) -> Entry:
    spec = entry.spec
    return Entry(
        spec.id,
        spec.label,
        group,
        entry.usable,
        entry.reason,
        tuple(Ability(name, ABILITY_LABELS[name]) for name in ABILITIES if spec.can(name)),
        spec.context,
        figures.size(spec.context),
        *_prices(spec),
        chosen.count(spec.id),
        spec.id in favourites and entry.usable,
    )


def _prices(spec: ModelSpec) -> tuple[str | None, str | None, bool]:
    if spec.price is None:
        return None, None, False
    free = not spec.price.input and not spec.price.output
    return figures.price(spec.price.input), figures.price(spec.price.output), free
