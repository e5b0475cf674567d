"""OpenAI's chat completions, and whoever copied them: a `Shape` of `direct`.

Whatever hangs on LiteLLM's price list or on a provider's own dialect is left to it (`serves`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from config import env
from providers import catalog, prompts, sse
from providers.base import ModelRequest
from providers.specs import ModelSpec


@dataclass(frozen=True, slots=True)
class Host:
    """One provider. `base_env` names variables that move its address, `headers` those that add a header.

    `efforts` it takes as they are; with another one LiteLLM translates. `extra` is in every body.
    """

    base: str
    base_env: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    efforts: frozenset[str] = frozenset({"low", "medium", "high"})
    user: bool = False
    extra: Mapping[str, Any] = field(default_factory=lambda: {"stream_options": {"include_usage": True}})


_NO_EFFORTS: Final[frozenset[str]] = frozenset()
HOSTS: Final[Mapping[str, Host]] = {
    "openai": Host(
        "https://api.openai.com/v1",
        ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        headers={"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"},
        user=True,
    ),
    "xai": Host("https://api.x.ai/v1", ("XAI_API_BASE",), user=True),
    "openrouter": Host(
        "https://openrouter.ai/api/v1",
        ("OPENROUTER_API_BASE",),
        headers={"HTTP-Referer": "OR_SITE_URL", "X-Title": "OR_APP_NAME"},
        extra={"stream_options": {"include_usage": True}, "usage": {"include": True}},
    ),
    "groq": Host("https://api.groq.com/openai/v1", ("GROQ_API_BASE",)),
    # It sends usage unasked, and refuses fields that it does not know.
    "mistral": Host(
        "https://api.mistral.ai/v1",
        ("MISTRAL_API_BASE", "MISTRAL_AZURE_API_BASE"),
        efforts=_NO_EFFORTS,
        extra={},
    ),
    "deepseek": Host("https://api.deepseek.com/beta", ("DEEPSEEK_API_BASE",), efforts=_NO_EFFORTS),
    "together_ai": Host("https://api.together.ai/v1", ("TOGETHER_AI_API_BASE",), efforts=_NO_EFFORTS),
    "hosted_vllm": Host("", ("HOSTED_VLLM_API_BASE",)),
}

# OpenAI's reasoning models: another name for the token limit, and no temperature unless they do not reason.
_REASONING: Final = re.compile(r"(?:ft:)?(?:o\d|gpt-(?!5-chat)(?:[5-9]|\d\d))")
_RESTING: Final = re.compile(r"gpt-5\.[124](?:-mini|-nano)?(?:-20\d\d-\d\d-\d\d)?")
# OpenAI's models that speak only its Responses API, or take next to no options.
_ELSEWHERE: Final = re.compile(r"responses/|(?:ft:)?(?:gpt-|o\d).*(?:-pro(?:-|$)|codex|deep-research|daybreak|search)")
# From here on chat completions take no tools while the model reasons, which it does unless told otherwise.
_NO_TOOLS_FROM: Final = (5, 4)
_VERSION: Final = re.compile(r"gpt-(\d+)(?:\.(\d+))?(?=[.-]|$)")
_OPENAI_HOST: Final = re.compile(r"https?://(?:[^/@]*\.)?openai\.com(?::\d+)?(?:/|$)")


def serves(request: ModelRequest) -> bool:
    """Whether we know exactly what to send. LiteLLM serves the rest."""
    spec, effort = request.model, request.effort
    host = HOSTS.get(spec.provider)
    if host is None or not (base := _base(spec, host)):
        return False
    if effort is not None and effort not in host.efforts:
        return False
    if spec.provider != "openai":
        return True
    if _ELSEWHERE.match(_name(spec)):
        return False
    blind = _version(_name(spec)) >= _NO_TOOLS_FROM and (effort is not None or bool(_OPENAI_HOST.match(base)))
    return not (request.tools and blind)


def url(request: ModelRequest) -> str:
    base = _base(request.model, HOSTS[request.model.provider])
    return base if base.endswith("/chat/completions") else f"{base}/chat/completions"


def headers(request: ModelRequest) -> dict[str, str]:
    spec = request.model
    # Without a key "none", as LiteLLM is told too: local servers want the header and nothing in it.
    key = request.api_key or catalog.key_of(spec) or "none"
    sent = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
    if not request.api_key and not spec.api_base:
        sent |= {
            name: value for name, variable in HOSTS[spec.provider].headers.items() if (value := env.text(variable))
        }
    return sent


def body(request: ModelRequest) -> dict[str, Any]:
    spec, options, host = request.model, request.options, HOSTS[request.model.provider]
    effort = request.effort
    family = spec.provider == "openai" and bool(_REASONING.match(_name(spec)))
    messages = [
        {name: value for name, value in message.items() if value is not None} for message in prompts.messages(request)
    ]
    if spec.provider == "mistral":  # It refuses an answer in which nothing was said.
        messages = [m for m in messages if m["role"] != "assistant" or m.get("content") or m.get("tool_calls")]
    shaped: dict[str, Any] = {"model": _name(spec), "messages": messages, "stream": True, **host.extra}
    if request.tools:
        shaped["tools"] = prompts.tools(request)
    if request.limit is not None:
        shaped["max_completion_tokens" if family else "max_tokens"] = request.limit
    if effort is not None:
        shaped["reasoning_effort"] = effort
    rests = effort is None and _RESTING.fullmatch(_name(spec))
    if options.temperature is not None and (not family or rests or options.temperature == 1):
        shaped["temperature"] = options.temperature
    if host.user and request.user and not spec.api_base:
        shaped["user"] = request.user
    return shaped


class Reader:
    """Its chunks are the common shape."""

    def __init__(self) -> None:
        self.lines = sse.SseReader()
        self.ended = False

    def chunks(self, events: Iterable[bytes]) -> Iterator[Any]:
        for data in events:
            if data == sse.DONE:
                self.ended = True
            else:
                yield sse.parsed(data)


def _name(spec: ModelSpec) -> str:
    return spec.id.partition("/")[2]


def _base(spec: ModelSpec, host: Host) -> str:
    base = spec.api_base or next(filter(None, map(env.text, host.base_env)), host.base)
    base = base.rstrip("/")
    return f"{base}/v1" if spec.provider == "mistral" and base and not base.endswith("/v1") else base


def _version(name: str) -> tuple[int, int]:
    found = _VERSION.match(name)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)
