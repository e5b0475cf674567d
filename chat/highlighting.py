"""Code in colours: classes that a style sheet for Pygments knows, for languages we name, within a budget.

Half of the lexers in Pygments can be made to cost the square of what they read. So the clock is looked at
before every token, and within one line, where a lexer cannot be interrupted, there is a greatest length.
"""

from __future__ import annotations

import logging
import time
from functools import cache
from html import escape
from typing import Final

from pygments.lexer import Lexer
from pygments.lexers import get_all_lexers, get_lexer_by_name
from pygments.token import STANDARD_TYPES, _TokenType

logger = logging.getLogger(__name__)

LINE_MAX: Final = 2_000
CODE_BUDGET_S: Final = 0.5

# Highlighted, by the first alias Pygments knows each by. Not all it has: every lexer is a parser of hostile text.
LANGUAGES: Final = frozenset(
    "ada awk bash batch c clojure cmake common-lisp console cpp csharp css cuda cypher d dart diff docker"
    " elixir elm erlang fish fortran fsharp gherkin glsl go graphql groovy haskell html http ini java javascript"
    " json jsonnet julia kotlin less llvm lua make matlab mysql nasm nginx nimrod nixos objective-c ocaml octave"
    " perl php postgresql powershell prolog protobuf pycon python qml racket restructuredtext ruby rust sass scala"
    " scheme scss solidity splus sql swift systemverilog tcl terraform tex toml typescript vb.net verilog vhdl vim"
    " wast xml yaml zig".split()
)
_MORE_ALIASES: Final = {
    **dict.fromkeys(("jsx", "mjs", "cjs"), "javascript"),
    **dict.fromkeys(("json5", "jsonc", "ndjson"), "json"),
    **dict.fromkeys(("env", "dotenv"), "ini"),
    "tsx": "typescript",
    "vue": "html",
    "svg": "xml",
    "sqlite": "sql",
    "asm": "nasm",
    "nix": "nixos",
}


class Exhausted(Exception):
    """There was no time left."""


class Budget:
    """Processor time of this thread, so that a busy machine shows the same page as an idle one."""

    def __init__(self, seconds: float) -> None:
        self._end = time.thread_time() + seconds

    def check(self) -> None:
        if time.thread_time() > self._end:
            raise Exhausted


def highlighted(code: str, lexer: Lexer, whole: Budget) -> str:
    """`code` in colours as HTML, or "" when that would take too long. Raises Exhausted when `whole` is used up."""
    if max(map(len, code.split("\n"))) > LINE_MAX:
        return ""
    budget, pieces = Budget(CODE_BUDGET_S), list[str]()
    try:
        for kind, text in lexer.get_tokens(code):
            budget.check()
            name = _class_of(kind)
            pieces.append(f'<span class="{name}">{escape(text)}</span>' if name else escape(text))
    except Exhausted:
        whole.check()
        return ""
    except Exception:
        logger.exception("code not highlighted", extra={"language": lexer.name, "length": len(code)})
        return ""
    return "".join(pieces)


@cache
def _class_of(kind: _TokenType) -> str:
    """The short name that style sheets for Pygments use, of the nearest kind that has one."""
    while kind not in STANDARD_TYPES:
        kind = kind.parent
    return STANDARD_TYPES[kind]


def lexer_of(name: str) -> Lexer | None:
    """The highlighter of a language, by any name it goes by; None for what is not in LANGUAGES."""
    canonical = _aliases().get(name)
    return _lexer_called(canonical) if canonical else None


@cache
def _lexer_called(name: str) -> Lexer:
    return get_lexer_by_name(name, **({"startinline": True} if name == "php" else {}))


@cache
def _aliases() -> dict[str, str]:
    known = {
        alias: names[1][0] for names in get_all_lexers(plugins=False) for alias in names[1] if names[1][0] in LANGUAGES
    }
    return known | _MORE_ALIASES
