"""Witness behaviours as models: `openai("w-tokens300-rate50")` at the top of a test module is a model id.

The processes read their models once, so every name is noted when the test modules are imported and the
file is written before the first process starts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

KEY: Final = "sk-witness-5ecre7-0123456789abcdef"
# route: where the witness speaks it.
ROUTES: Final = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta", "ollama_chat": ""}

_noted: dict[str, tuple[str, tuple[str, ...]]] = {}  # id: (address, fallbacks)


def route(name: str, behaviour: str, *, at: str = "", fallbacks: tuple[str, ...] = ()) -> str:
    """A model of this provider. `at` is another address than the witness's."""
    model = f"{name}/{behaviour}"
    _noted[model] = (at, fallbacks)
    return model


def openai(behaviour: str, *, at: str = "", fallbacks: tuple[str, ...] = ()) -> str:
    return route("openai", behaviour, at=at, fallbacks=fallbacks)


def write(path: Path, witness_url: str) -> None:
    entries = []
    for model, (at, fallbacks) in _noted.items():
        provider, _, behaviour = model.partition("/")
        calls = any(word in behaviour for word in ("tools", "endless", "unknown", "half", "badjson", "rounds"))
        entries.append(
            f"""[[model]]
id = "{model}"
api_base = "{at.format(host=witness_url.partition("://")[2]) or witness_url + ROUTES[provider]}"
api_key_env = "WITNESS_KEY"
context = 1000000
{"max_output = 64000" if provider == "anthropic" else ""}
price = {{input = 1, output = 2}}
abilities = {'["tools"]' if calls else "[]"}
fallbacks = [{", ".join(f'"{name}"' for name in fallbacks)}]
"""
        )
    path.write_text("\n".join(entries), encoding="utf-8")
