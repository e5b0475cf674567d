"""A model as the catalog describes it, and the TOML it is read from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NoReturn

from django.core.exceptions import ImproperlyConfigured

from providers.usage import Price

ABILITIES: Final = ("vision", "tools", "reasoning", "image", "transcribe")
ROLES: Final = ("chat", "title", "artifact", "image", "transcribe")
NANO: Final = 1_000_000_000

_ID: Final = re.compile(r"[a-z0-9_-]+/[!-~]+")
_ENV_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_URL: Final = re.compile(r"https?://[^\s/?#]+[^\s?#]*")
_FIELDS: Final = frozenset({
    "id", "label", "api_base", "api_key_env", "context", "max_output",
    "price", "abilities", "fallbacks", "roles", "plans", "checked",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model. `price` None means unknown, which is never free; `context` and `max_output` are tokens.

    `fallbacks` are ids to try, in order, before anything was shown. An empty `plans` is open to every plan.
    """

    id: str
    label: str
    context: int | None = None
    max_output: int | None = None
    price: Price | None = None
    abilities: frozenset[str] = frozenset()
    fallbacks: tuple[str, ...] = ()
    roles: tuple[str, ...] = ("chat",)
    plans: tuple[str, ...] = ()
    api_base: str | None = None
    api_key_env: str | None = None
    checked: str = ""
    listed: bool = True

    @property
    def provider(self) -> str:
        return self.id.partition("/")[0]

    @property
    def local(self) -> bool:
        """Served by the operator's Ollama."""
        return self.provider in {"ollama", "ollama_chat"}

    def can(self, ability: str) -> bool:
        return ability in self.abilities

    def open_to(self, plan: str) -> bool:
        return not self.plans or plan in self.plans


def read(path: Path) -> dict[str, ModelSpec]:
    """The `[[model]]` entries of a file, by id. Raises ImproperlyConfigured naming file, entry and field."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as exc:
        raise ImproperlyConfigured(f"{path} cannot be read: {exc.strerror}.") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ImproperlyConfigured(f"{path} is not TOML: {exc}.") from exc
    if unknown := document.keys() - {"model"}:
        raise ImproperlyConfigured(f"{path}: {', '.join(sorted(unknown))} is not known; entries are written [[model]].")
    tables = document.get("model", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ImproperlyConfigured(f"{path}: entries are written [[model]], with two brackets.")
    specs: dict[str, ModelSpec] = {}
    for number, table in enumerate(tables, start=1):
        spec = _Entry(path, number, table).spec()
        if spec.id in specs:
            raise ImproperlyConfigured(f"{path}, model {number} ({spec.id}), id: there is an entry with this id above.")
        specs[spec.id] = spec
    return specs


class _Entry:
    def __init__(self, path: Path, number: int, table: Mapping[str, Any]) -> None:
        self._path, self._number, self._table = path, number, table

    def spec(self) -> ModelSpec:
        if unknown := self._table.keys() - _FIELDS:
            self._refuse(min(unknown), f"is not a field; there are {', '.join(sorted(_FIELDS))}")
        model_id = self._matching("id", _ID, "must be <provider>/<model>, such as openai/gpt-4.1")
        if model_id is None:
            self._refuse("id", "is missing")
        if model_id.startswith("demo/"):
            self._refuse("id", "must not begin with demo/, which belongs to the demo models")
        return ModelSpec(
            id=model_id,
            label=self._text("label") or model_id.partition("/")[2],
            context=self._tokens("context"),
            max_output=self._tokens("max_output"),
            price=self._price(),
            abilities=frozenset(self._words("abilities", ABILITIES)),
            fallbacks=self._words("fallbacks"),
            roles=self._words("roles", ROLES, default=("chat",)),
            plans=self._words("plans"),
            api_base=(self._matching("api_base", _URL, "must be an http or https address") or "").rstrip("/") or None,
            api_key_env=self._matching("api_key_env", _ENV_NAME, "must be the name of a variable, not a key"),
            checked=str(self._table.get("checked", "")),
        )

    def _text(self, field: str) -> str | None:
        value = self._table.get(field)
        if value is not None and not (isinstance(value, str) and value.strip() and len(value) <= 200):
            self._refuse(field, "must be a text of 1 to 200 characters")
        return value.strip() if isinstance(value, str) else None

    def _matching(self, field: str, pattern: re.Pattern[str], otherwise: str) -> str | None:
        value = self._text(field)
        if value is not None and not pattern.fullmatch(value):
            self._refuse(field, otherwise)
        return value

    def _tokens(self, field: str) -> int | None:
        value = self._table.get(field)
        if value is not None and (type(value) is not int or value <= 0):
            self._refuse(field, "must be a whole number of tokens above 0")
        return value

    def _words(self, field: str, allowed: tuple[str, ...] = (), default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self._table.get(field)
        if value is None:
            return default
        if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
            self._refuse(field, "must be a list of texts")
        if allowed and (odd := [word for word in value if word not in allowed]):
            self._refuse(field, f"knows no {odd[0]!r}; there are {', '.join(allowed)}")
        return tuple(dict.fromkeys(value))

    def _price(self) -> Price | None:
        value = self._table.get("price")
        if value is None:
            return None
        if not isinstance(value, dict) or not {"input", "output"} <= value.keys() <= {
            "input",
            "output",
            "cached_input",
        }:
            self._refuse("price", "must be {input, output} and may have cached_input, in USD per million tokens")
        nano = {name: self._nano(name, amount) for name, amount in value.items()}
        return Price(nano["input"], nano["output"], nano.get("cached_input"))

    def _nano(self, name: str, amount: object) -> int:
        if type(amount) not in (int, Decimal) or not Decimal(str(amount)).is_finite() or not 0 <= amount <= 1_000_000:  # type: ignore[operator]  # the first test leaves only numbers
            self._refuse("price", f"{name} must be a number of USD per million tokens, 0 or more")
        return int(Decimal(str(amount)) * NANO)

    def _refuse(self, field: str, why: str) -> NoReturn:
        name = self._table.get("id")
        entry = f"model {self._number}" + (f" ({name})" if isinstance(name, str) else "")
        raise ImproperlyConfigured(f"{self._path}, {entry}, {field}: {why}.")
