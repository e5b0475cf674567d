"""The grammar: a model name is read into the options that decide what the witness does."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

Number = Literal["none", "optional", "required"]

# word: (takes a number, what it does). Read top to bottom, this is the grammar's reference.
OPTIONS: Final[Mapping[str, tuple[Number, str]]] = {
    # What is said.
    "tokens": ("required", "N text tokens; default 20, a whole text for the other kinds, 0 in a round of tool calls"),
    "forever": ("none", "text without an end, until the client leaves"),
    "empty": ("none", "no text at all, and an ordinary finish"),
    "numbered": ("none", "text kind (default): `t0001 t0002 …`, so a lost, doubled or moved token is visible"),
    "unicode": ("none", "text kind: numbered tokens of emoji sequences, CJK, right-to-left, combining marks"),
    "markdown": ("none", "text kind: tables, code, maths, lists, links"),
    "hostile": ("none", "text kind: scripts, event handlers, javascript: links, remote images"),
    "nulls": ("none", "text kind: NUL, control characters and lone surrogates, as JSON escapes"),
    "echo": ("none", "text kind: the last user message, word by word"),
    "stamps": ("none", "text kind: `t0001@<µs since 1970> `, the moment of writing; not predictable"),
    "tag": ("required", "numbered tokens begin with N: `7t0001 `, so that mixed-up answers are visible"),
    "chars": ("required", "a token is N characters of the text, whatever its words"),
    "reason": ("required", "N tokens of reasoning `r0001 ` first, in the field the shape has for it"),
    "think": ("none", "reasoning stands in the text instead, between <think> and </think>"),
    "obey": ("none", "the request's token limit cuts the text, finish `length`"),
    # When.
    "rate": ("required", "N tokens a second by an absolute schedule; 0 (default) = as fast as possible"),
    "burst": ("required", "N tokens in one write; the average rate stays"),
    "wait": ("required", "N ms before the headers"),
    "first": ("required", "N ms between headers and first byte of the body"),
    # How it is cut on the wire.
    "bytes": ("required", "every write is N bytes, through the middle of events and of characters"),
    "drip": ("none", "one byte a second"),
    "comments": ("none", "a keep-alive comment (`ping` event, empty line) before every token"),
    "crlf": ("none", "lines end in CRLF"),
    # Tools.
    "tools": ("optional", "N calls of get_weather at once (default 1), then text once the results are in the request"),
    "rounds": ("required", "call tools in the first N rounds of a question; default 1"),
    "endless": ("none", "call tools in every round"),
    "badjson": ("none", "malformed arguments"),
    "unknown": ("none", "call a tool that does not exist"),
    "half": ("none", "arguments stop in the middle, finish `length`"),
    # How it ends.
    "length": ("none", "finish reason: length"),
    "filter": ("none", "finish reason: content filter"),
    "blocked": ("none", "the prompt itself is refused: no text, and the shape's way to say so"),
    "toolcalls": ("none", "finish reason: tool calls, without any call"),
    "doublefinish": ("none", "the finish twice"),
    "late": ("none", "the text `LATE ` after the finish"),
    "nodone": ("none", "no closing [DONE] or message_stop"),
    "linger": ("optional", "after the finish the connection stays open for N ms; without a number for ever"),
    "nousage": ("none", "no usage"),
    "zerousage": ("none", "usage of zeros"),
    "negusage": ("none", "negative usage"),
    "doubleusage": ("none", "the usage twice"),
    "input": ("required", "reported input tokens; default: words in the request"),
    "cached": ("required", "N of the input tokens are reported as cached"),
    # Instead of an answer.
    "http": ("required", "status N and the shape's error object; 401 echoes the key it was given"),
    "retry": ("required", "Retry-After: N with that error"),
    "context": ("none", "the shape's context-length error"),
    "quota": ("none", "the shape's insufficient-quota error"),
    "html": ("none", "a page of HTML with status 200"),
    "hang": ("none", "silence instead of headers"),
    "mute": ("none", "headers, then silence"),
    "times": ("required", "refusals and faults only in the first N calls of this model, then a good answer"),
    # After N tokens (reasoning counted first); without a number at the end, before the finish.
    "stall": ("optional", "silence; for ever, or as long as `pause` says"),
    "pause": ("required", "a stall lasts N ms"),
    "reset": ("optional", "TCP reset"),
    "cut": ("optional", "the connection closes in the middle of the body"),
    "eof": ("optional", "the body ends properly, without a finish"),
    "error": ("optional", "the shape's error object, then the body ends"),
    "garbage": ("optional", "an event of malformed JSON, then on"),
    "giant": ("optional", "one event of 2 MiB, then on"),
}
KINDS: Final = ("numbered", "unicode", "markdown", "hostile", "nulls", "echo", "stamps")
FAULTS: Final = ("stall", "reset", "cut", "eof", "error", "garbage", "giant")
REFUSALS: Final = ("http", "context", "quota", "html", "hang", "mute")

_WORD: Final = re.compile(r"([a-z]+)(\d+(?:\.\d+)?)?")


class GrammarError(ValueError):
    """A name that begins like a behaviour and is none."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The options of one name. An option without a number holds infinity, which reads well as "never" or "the end"."""

    name: str
    options: Mapping[str, float] = field(default_factory=dict)

    def __contains__(self, word: str) -> bool:
        return word in self.options

    def number(self, word: str, default: float = 0) -> float:
        return self.options.get(word, default)

    @property
    def kind(self) -> str:
        return next((kind for kind in KINDS if kind in self.options), "numbered")

    @property
    def faults(self) -> list[tuple[float, str]]:
        """(tokens before it, name), in order."""
        return sorted((self.options[word], word) for word in FAULTS if word in self.options)

    def healed(self) -> Behaviour:
        """The same without refusals and faults: what `times` turns into."""
        kept = {word: number for word, number in self.options.items() if word not in FAULTS + REFUSALS}
        return Behaviour(self.name, MappingProxyType(kept))


def parse(model: str) -> Behaviour:
    """The behaviour a model name asks for; a name that does not begin with `w-` is an ordinary model of 20 tokens.

    Only what follows the last slash counts, and a `:tag` is dropped. Raises GrammarError.
    """
    name = short(model)
    if not name.startswith("w-"):
        return Behaviour(name)
    options: dict[str, float] = {}
    for word in name.split("-")[1:]:
        match = _WORD.fullmatch(word)
        if match is None or match[1] not in OPTIONS:
            raise GrammarError(f"{word!r} in {name!r} is no option of the witness")
        needs = OPTIONS[match[1]][0]
        if (needs == "required") != (match[2] is not None) and needs != "optional":
            raise GrammarError(f"{match[1]!r} in {name!r} {'needs' if needs == 'required' else 'takes no'} number")
        options[match[1]] = float(match[2]) if match[2] is not None else math.inf
    return Behaviour(name, MappingProxyType(options))


def short(model: str) -> str:
    return model.rsplit("/", 1)[-1].split(":", 1)[0]
