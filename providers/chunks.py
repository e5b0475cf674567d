"""OpenAI-shaped chunks, read into events. LiteLLM turns every provider's stream into this shape."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from config.errors import ProviderBroken, ProviderUnavailable
from providers.events import (
    Cleaner,
    Event,
    Finish,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    UsageReport,
    clean,
)
from providers.thinking import ThinkSplitter
from providers.usage import estimate, sane

# Longer arguments are a model that does not stop.
_MAX_ARGUMENTS: Final = 1 << 20
_MAX_CALLS: Final = 128  # of one answer; more is no plan but a flood

_FINISHES: Final[dict[str, FinishReason]] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "refusal": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
}


@dataclass(slots=True)
class _PartialCall:
    id: str
    has_id: bool
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    length: int = 0


class ChunkReader:
    """Chunks in, events out. `finished` once the provider gave a reason to end, `done` once nothing more is needed.

    `prompt_tokens` is only asked when the provider does not tell.
    """

    def __init__(self, prompt_tokens: Callable[[], int]) -> None:
        self.finished = False
        self.done = False
        self._prompt_tokens = prompt_tokens
        self._splitter = ThinkSplitter()
        self._text, self._reasoning = Cleaner(), Cleaner()
        self._calls: dict[int | str, _PartialCall] = {}
        self._complete: list[_PartialCall] = []
        self._reason = ""
        self._usage: UsageReport | None = None
        self._reported = False
        self._estimated = [0, 0]
        self._said: list[str] = []
        self._thought: list[str] = []

    def read(self, chunk: Any) -> list[Event]:
        """What `chunk` says. After the finish only usage is taken from it."""
        events: list[Event] = []
        if not self.finished and (choices := _get(chunk, "choices")):
            self._choice(choices[0], events)
        if (usage := _get(chunk, "usage")) is not None:
            self._take_usage(usage)
            self.done = self.finished
        return events

    def read_all(self, chunks: Iterable[Any], events: list[Event]) -> None:
        """`read` for all that has arrived, into `events`, even if `chunks` raises. Pieces of one kind are taken as one.

        A chunk that holds nothing but text costs a tenth of what `read` takes for it.
        """
        pieces: list[str] = []
        thinking = False
        try:
            for chunk in chunks:
                plain = None if self.finished else _plain(chunk)
                if pieces and (plain is None or plain[0] is not thinking):
                    self._say("".join(pieces), thinking, events)
                    pieces = []
                if plain is None:
                    events += self.read(chunk)
                else:
                    thinking = plain[0]
                    pieces.append(plain[1])
        finally:
            if pieces:
                self._say("".join(pieces), thinking, events)

    def end(self) -> list[Event]:
        """What was kept back, the calls, the usage and the finish.

        Raises ProviderBroken when there was no finish; `rest` can still be taken then.
        """
        if not self.finished:
            raise ProviderBroken("provider")
        events = self.rest()
        calls = [*self._complete, *self._calls.values()]
        events += [ToolCall(call.id, clean(call.name), clean("".join(call.arguments))) for call in calls]
        return [*events, self._final_usage(calls), Finish(self._finish(calls))]

    def rest(self) -> list[Event]:
        """The half tag or half character at the very end."""
        events: list[Event] = []
        self._note(self._splitter.push(self._text.flush()) + self._splitter.flush(), events)
        if thought := self._reasoning.flush():
            self._note([ReasoningDelta(thought)], events)
        return events

    def _choice(self, choice: Any, events: list[Event]) -> None:
        delta = _get(choice, "delta")
        if delta is not None:
            thought = _get(delta, "reasoning_content") or _get(delta, "reasoning")
            if thought and isinstance(thought, str):
                self._say(thought, True, events)
            text = _get(delta, "content")
            if text and isinstance(text, str):
                self._say(text, False, events)
            elif isinstance(text, list):
                self._parts(text, events)
            for call in _get(delta, "tool_calls") or ():
                self._add_call(call)
        if reason := _get(choice, "finish_reason"):
            self.finished, self._reason = True, str(reason).lower()

    def _say(self, piece: str, thinking: bool, events: list[Event]) -> None:
        if not thinking:
            self._note(self._splitter.push(self._text.push(piece)), events)
        elif piece := self._reasoning.push(piece):
            self._note([ReasoningDelta(piece)], events)

    def _parts(self, parts: list[Any], events: list[Event]) -> None:
        """Mistral's reasoning models put typed parts where the text would be."""
        for part in parts:
            if _get(part, "type") == "thinking":
                inner = _get(part, "thinking")
                for thought in inner if isinstance(inner, list) else ():
                    if isinstance(said := _get(thought, "text"), str):
                        self._say(said, True, events)
            elif isinstance(said := _get(part, "text"), str):
                self._say(said, False, events)

    def _note(self, said: list[Event], events: list[Event]) -> None:
        for event in said:
            if isinstance(event, TextDelta):
                self._said.append(event.text)
            elif isinstance(event, ReasoningDelta):
                self._thought.append(event.text)
        events += said

    def _add_call(self, delta: Any) -> None:
        """Pieces of one call share an index; some providers give all calls index 0 but each its own id."""
        index, call_id, function = _get(delta, "index") or 0, _get(delta, "id"), _get(delta, "function")
        call = self._calls.get(index)
        if call is None or (call_id and call.has_id and call_id != call.id):
            if call is not None:
                self._complete.append(self._calls.pop(index))
            if len(self._calls) + len(self._complete) >= _MAX_CALLS:
                raise ProviderBroken("provider")
            call = self._calls[index] = _PartialCall(str(call_id or f"call_{uuid4().hex}"), bool(call_id))
        elif call_id:
            call.id, call.has_id = str(call_id), True
        call.name = call.name or str(_get(function, "name") or "")
        arguments = _get(function, "arguments")
        if arguments and isinstance(arguments, str):
            call.length += len(arguments)
            if call.length > _MAX_ARGUMENTS:
                raise ProviderBroken("provider")
            call.arguments.append(arguments)

    def _take_usage(self, usage: Any) -> None:
        self._reported = True
        cached = _get(_get(usage, "prompt_tokens_details"), "cached_tokens")
        thought = _get(_get(usage, "completion_tokens_details"), "reasoning_tokens")
        read, written = _get(usage, "prompt_tokens"), _get(usage, "completion_tokens")
        if _adds_up(_get(usage, "total_tokens"), read, written, thought):
            written += thought
        self._usage = sane(read, written, cached, thought)

    def _final_usage(self, calls: list[_PartialCall]) -> UsageReport:
        """The provider's last word if it can be true, else our estimate."""
        spoke = bool(self._said or self._thought or calls)
        if self._usage is not None and (self._usage.output or not spoke):
            return self._usage
        thought = estimate("".join(self._thought))
        output = thought + estimate("".join(self._said)) + sum(estimate("".join(call.arguments)) + 8 for call in calls)
        return UsageReport(self._prompt_tokens(), output, 0, thought, "estimated")

    def _finish(self, calls: list[_PartialCall]) -> FinishReason:
        reason = _FINISHES.get(self._reason, "stop")
        if reason in {"stop", "tool_calls"}:
            return "tool_calls" if calls else "stop"
        return reason


def _plain(chunk: Any) -> tuple[bool, str] | None:
    """Whether it is reasoning, and the words, of a chunk that holds nothing else."""
    try:
        (choice,) = chunk["choices"]
        delta = choice["delta"]
        if choice.get("finish_reason") or chunk.get("usage") is not None or delta.get("tool_calls"):
            return None
        text, thought = delta.get("content"), delta.get("reasoning_content") or delta.get("reasoning")
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    if type(text) is str and text and not thought:
        return False, text
    if type(thought) is str and not text:
        return True, thought
    return None


def _adds_up(total: object, read: object, written: object, thought: object) -> bool:
    """xAI counts reasoning beside the output; everybody else within it."""
    counts = (total, read, written, thought)
    return all(type(count) is int for count in counts) and bool(thought) and total == read + written + thought  # type: ignore[operator]  # the first test leaves only numbers


def from_ollama(line: Any) -> dict[str, Any]:
    """A line of Ollama's own stream in the common shape. Raises ProviderError for an error in mid-stream.

    LiteLLM's reader took think tags out of the text before it could be known whether they are tags.
    """
    if not isinstance(line, dict) or "error" in line:
        raise ProviderUnavailable("provider", provider_error="ollama")
    message = line.get("message") or {}
    delta = {
        "content": message.get("content"),
        "reasoning_content": message.get("thinking"),
        "tool_calls": [_ollama_call(call) for call in message.get("tool_calls") or ()],
    }
    chunk: dict[str, Any] = {"choices": [{"delta": delta}]}
    if line.get("done"):
        chunk["choices"][0]["finish_reason"] = line.get("done_reason") or "stop"
        if "eval_count" in line or "prompt_eval_count" in line:
            chunk["usage"] = {
                "prompt_tokens": line.get("prompt_eval_count"),
                "completion_tokens": line.get("eval_count", 0),
            }
    return chunk


def _ollama_call(call: Any) -> dict[str, Any]:
    """Ollama sends whole calls, without ids; each gets an index of its own."""
    function = _get(call, "function")
    arguments = _get(function, "arguments")
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
    call_id = f"call_{uuid4().hex}"
    return {"index": call_id, "id": call_id, "function": {"name": _get(function, "name"), "arguments": raw}}


def _get(thing: Any, name: str) -> Any:
    if isinstance(thing, dict):
        return thing.get(name)
    return getattr(thing, name, None)
