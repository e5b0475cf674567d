"""Which models there are here, and which of them can be used.

Three layers, later ones win: `catalog.toml` and the demo models, the operator's MODELS_FILE (whole entries,
by id), what administrators set in the database (`overrides`, at most a second old). A model can be used when
its provider can: a key in the environment or of the tenant, a local address, an Ollama that has it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import env
from config.errors import ModelUnknown
from providers import demo_models, ollama, overrides, specs
from providers.specs import ModelSpec
from providers.usage import FREE

__all__ = [
    "Entry",
    "Group",
    "ModelSpec",
    "default",
    "described",
    "entries",
    "first_of",
    "for_role",
    "get",
    "groups",
    "key_of",
    "reachable",
]

SHIPPED: Final = Path(__file__).with_name("catalog.toml")
LABELS: Final = {
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "gemini": "Google",
    "xai": "xAI",
    "openrouter": "OpenRouter",
    "ollama": "Ollama",
    "ollama_chat": "Ollama",
    "groq": "Groq",
    "mistral": "Mistral",
    "deepseek": "DeepSeek",
    "demo": "Demo",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the picker. `reason` says in the reader's language why it is not usable, or is empty."""

    spec: ModelSpec
    reason: Any = ""

    @property
    def usable(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True)
class Group:
    """The models of one provider; `usable` when at least one is."""

    provider: str
    label: str
    entries: tuple[Entry, ...]

    @property
    def usable(self) -> bool:
        return any(entry.usable for entry in self.entries)


def get(model_id: str, *, surface: str = "chat", own_keys: Collection[str] = ()) -> ModelSpec:
    """The model, if it can be used now. `own_keys` names providers that the tenant has keys for.

    Raises ModelUnknown, whose message says why. Costs no query but one a second (see `overrides`).
    """
    spec = present().get(model_id) or demo_models.parse(model_id)
    if spec is None:
        raise ModelUnknown(surface, param="model", model=model_id[:200])
    if (changed := _changed(spec)) is None:
        raise ModelUnknown(surface, _("This model is switched off here."), param="model", model=spec.id)  # type: ignore[arg-type]  # lazy: read in the reader's language
    if reason := _missing(changed, own_keys):
        raise ModelUnknown(surface, reason, param="model", model=spec.id)
    return changed


def entries(*, role: str = "chat", own_keys: Collection[str] = ()) -> tuple[Entry, ...]:
    """Every model with `role` that is switched on, usable or not, in the catalog's order."""
    return tuple(
        Entry(changed, _missing(changed, own_keys))
        for spec in present().values()
        if spec.listed and role in spec.roles and (changed := _changed(spec))
    )


def groups(*, role: str = "chat", own_keys: Collection[str] = ()) -> tuple[Group, ...]:
    """`entries` by provider: usable providers first, the demo models after the real ones."""
    found: dict[str, list[Entry]] = {}
    for entry in entries(role=role, own_keys=own_keys):
        found.setdefault(entry.spec.provider, []).append(entry)
    listed = [Group(name, provider_label(name), tuple(members)) for name, members in found.items()]
    return tuple(sorted(listed, key=lambda group: (not group.usable, group.provider == "demo")))


def default(*, own_keys: Collection[str] = ()) -> ModelSpec:
    """The chat model for somebody who chose none: the first usable real one, else `demo`."""
    return for_role("chat", own_keys=own_keys) or demo_models.DEFAULT


def for_role(role: str, *, own_keys: Collection[str] = ()) -> ModelSpec | None:
    """The first usable real model with `role`, else the first demo model with it."""
    usable = [entry.spec for entry in entries(role=role, own_keys=own_keys) if entry.usable]
    return min(usable, key=lambda spec: spec.provider == "demo", default=None)


def first_of(provider: str, *, surface: str = "chat", own_keys: Collection[str] = ()) -> ModelSpec:
    """The first enabled chat model of a provider. Raises ModelUnknown."""
    mine = [entry for entry in entries(own_keys=own_keys) if entry.spec.provider == provider]
    usable = [entry.spec for entry in mine if entry.usable]
    if not usable:
        raise ModelUnknown(surface, mine[0].reason if mine else "", param="provider", provider=provider[:200])
    return usable[0]


def provider_label(provider: str) -> str:
    return LABELS.get(provider, provider.replace("_", " ").title())


def key_of(spec: ModelSpec) -> str:
    """The operator's key for this model, or "". A provider's key never goes to an address of somebody else."""
    if spec.api_key_env:
        return env.text(spec.api_key_env)
    return "" if spec.api_base else _house_key(spec.provider)


def described() -> Mapping[str, ModelSpec]:
    """The files' models by id, without database and Ollama. Raises ImproperlyConfigured."""
    return _described(settings.MODELS_FILE)


def reachable() -> list[ModelSpec]:
    """The files' models that the operator has a key or an address for, whatever administrators switched off."""
    return [spec for spec in described().values() if not _missing(spec, ())]


@lru_cache(maxsize=32)
def _described(models_file: Path | None) -> Mapping[str, ModelSpec]:
    ours = specs.read(SHIPPED)
    theirs = specs.read(models_file) if models_file else {}
    every = {spec.id: spec for spec in _merged(ours, theirs)} | {spec.id: spec for spec in demo_models.LISTED}
    for spec in theirs.values():
        if unknown := [name for name in spec.fallbacks if name not in every and not demo_models.parse(name)]:
            raise ImproperlyConfigured(f"{models_file}, model {spec.id}, fallbacks: there is no model {unknown[0]!r}.")
    return every


def _merged(ours: dict[str, ModelSpec], theirs: dict[str, ModelSpec]) -> Iterable[ModelSpec]:
    """The operator's models come first: they were added on purpose."""
    return [*theirs.values(), *(spec for spec in ours.values() if spec.id not in theirs)]


def present() -> Mapping[str, ModelSpec]:
    known = described()
    if not settings.OLLAMA_URL:
        return known
    return dict(_with_installed(known, ollama.installed(settings.OLLAMA_URL).names or ()))


def _with_installed(known: Mapping[str, ModelSpec], names: Iterable[str]) -> Iterator[tuple[str, ModelSpec]]:
    yield from known.items()
    for name in names:
        short = name.removesuffix(":latest")
        if not {f"ollama/{short}", f"ollama/{name}", f"ollama_chat/{short}", f"ollama_chat/{name}"} & known.keys():
            yield f"ollama/{short}", ModelSpec(f"ollama/{short}", short, price=FREE, roles=("chat", "title"))


def _changed(spec: ModelSpec) -> ModelSpec | None:
    """`spec` as administrators want it; None when they switched it off."""
    override = overrides.current().get(spec.id)
    if override is None:
        return spec
    if not override.enabled:
        return None
    return replace(spec, label=override.label or spec.label, price=override.price or spec.price)


def _missing(spec: ModelSpec, own_keys: Collection[str]) -> Any:
    """Why `spec` cannot be used, or ""."""
    if spec.provider == "demo":
        return ""
    if spec.api_key_env:
        return (
            "" if env.text(spec.api_key_env) else _("Needs %(name)s in the environment.") % {"name": spec.api_key_env}
        )
    if spec.api_base:
        return ""
    if spec.local:
        return _missing_in_ollama(spec)
    if spec.provider in own_keys or _house_key(spec.provider):
        return ""
    return _("Add a key for %(provider)s.") % {"provider": provider_label(spec.provider)}


def _missing_in_ollama(spec: ModelSpec) -> Any:
    if not settings.OLLAMA_URL:
        return _("Set OLLAMA_URL to use local models.")
    known = ollama.installed(settings.OLLAMA_URL)
    if not known.asked:
        return ""  # Not heard yet; the call will tell.
    if known.names is None:
        return _("Ollama does not answer.")
    name = spec.id.partition("/")[2]
    if {name, f"{name}:latest"} & set(known.names):
        return ""
    return _("Not installed: ollama pull %(name)s") % {"name": name}


def _house_key(provider: str) -> str:
    """Settings know the common ones; every other provider of LiteLLM is asked for by its usual name."""
    known: Mapping[str, str] = settings.PROVIDER_KEYS
    return known.get(provider) or env.text(f"{provider.upper().replace('-', '_')}_API_KEY")
