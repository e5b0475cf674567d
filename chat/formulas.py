r"""Mathematics in markdown: `$…$`, `\(…\)`, `$$…$$` and `\[…\]`, written as MathML.

A single dollar is money more often than mathematics. It opens a formula only before a visible character,
and closes one only after a visible character and not before a letter or digit; what reads like an amount
("$5 (in US$)") is none. The next dollar decides: if it cannot close, the first one is a dollar. So every
rule looks at a character a bounded number of times, however the text was made.
"""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

logger = logging.getLogger(__name__)

LONGEST: Final = 2_000  # characters of one formula
MOST: Final = 500  # formulas in one text; more are shown as they were written

_CLOSERS: Final = {"$$": "$$", "\\[": "\\]", "\\(": "\\)", "$": "$"}
# Starts like an amount and goes on in words.
_AMOUNT: Final = re.compile(r"[\d.,]+(?:\s*[kKmMbB]n?)?\s+[^\\\s=+*/^_-]{2,}")
# What defines something could be used to make a formula grow without bound.
_DEFINITION: Final = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|(?:re)?newenvironment|[gex]?def|let|DeclareMathOperator)\b"
)
_ENVIRONMENT: Final = re.compile(r"\\(begin|end)\s*\{(\w+\*?)\}")
_ALIASES: Final = {
    **dict.fromkeys(("aligned", "align", "eqnarray", "eqnarray*", "flalign", "flalign*"), "align*"),
    **dict.fromkeys(("gathered", "gather", "gather*", "multline", "multline*"), "matrix"),
    "dcases": "cases",
    "rcases": "cases",
    "equation*": "equation",
}


def plugin(md: MarkdownIt) -> None:
    md.block.ruler.before("fence", "formula_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    md.inline.ruler.before("escape", "formula", _inline)
    md.add_render_rule("formula", _render)
    md.add_render_rule("formula_block", _render)


def mathml(latex: str, *, display: bool) -> str | None:
    """`latex` as a MathML element, or None when it cannot be read. Not sanitised."""
    if len(latex) > LONGEST or _DEFINITION.search(latex):
        return None
    latex = _ENVIRONMENT.sub(lambda found: f"\\{found[1]}{{{_ALIASES.get(found[2], found[2])}}}", latex)
    latex = latex.replace("\\operatorname", "\\mathrm")
    try:
        element = convert_to_element(latex, display="block" if display else "inline")
        for node in element.iter():
            # The library writes entities into its texts, and what a person wrote beside them.
            node.text = html.unescape(node.text) if node.text else node.text
        return ElementTree.tostring(element, encoding="unicode")
    except Exception as exc:  # the library raises whatever its parser trips over
        logger.debug("formula not understood", extra={"reason": type(exc).__name__})
        return None


def _block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """A formula that begins and ends at the ends of lines."""
    begin = state.bMarks[start_line] + state.tShift[start_line]
    opener = state.src[begin : begin + 2]
    if opener not in ("$$", "\\[") or state.is_code_block(start_line):
        return False
    closer = _CLOSERS[opener]
    end = state.src.find(closer, begin + 2, begin + LONGEST)
    if end < 0 or not state.src[begin + 2 : end].strip():
        return False
    line = start_line
    while state.eMarks[line] < end:
        line += 1
        if line >= end_line or state.isEmpty(line) or state.sCount[line] < state.blkIndent:
            return False
    if state.src[end + 2 : state.eMarks[line]].strip():
        return False  # More text follows: a formula within a paragraph.
    if not silent:
        state.line = line + 1
        token = state.push("formula_block", "math", 0)
        first = state.src[begin + 2 : min(end, state.eMarks[start_line])]
        # Without what stands before each line in a quote or a list.
        rest = state.getLines(start_line + 1, line + 1, state.blkIndent, False) if line > start_line else ""
        token.content = f"{first}\n{rest[: rest.rindex(closer)]}".strip() if rest else first.strip()
        token.markup, token.map = opener, [start_line, state.line]
    return True


def _inline(state: StateInline, silent: bool) -> bool:
    source, begin = state.src, state.pos
    opener = source[begin : begin + 2]
    if opener not in _CLOSERS:
        opener = opener[:1]
        if opener != "$":
            return False
    end = (_dollar if opener == "$" else _delimited)(source, begin, state.posMax, _CLOSERS[opener])
    if end is None:
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content, token.markup = source[begin + len(opener) : end].strip(), opener
    state.pos = end + len(opener)
    return True


def _delimited(source: str, begin: int, limit: int, closer: str) -> int | None:
    end = source.find(closer, begin + 2, min(limit, begin + LONGEST))
    return end if end > begin + 2 and source[begin + 2 : end].strip() else None


def _dollar(source: str, begin: int, limit: int, closer: str) -> int | None:
    """Where the `$` that closes the one at `begin` is."""
    if begin and (source[begin - 1].isalnum() or source[begin - 1] == "$"):
        return None
    if begin + 2 >= limit or source[begin + 1].isspace() or source[begin + 1] == "$":
        return None
    end = begin
    while True:
        end = source.find(closer, end + 1, min(limit, begin + LONGEST))
        if end < 0:
            return None
        if source[end - 1] != "\\":
            break
    following = source[end + 1 : end + 2]
    if source[end - 1].isspace() or following.isalnum() or following == "$":
        return None
    formula = source[begin + 1 : end]
    return None if "`" in formula or _AMOUNT.match(formula) else end


def _render(renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    block = token.type == "formula_block"
    seen = env["formulas"] = int(env.get("formulas", 0)) + 1
    written = mathml(token.content, display=token.markup in ("$$", "\\[")) if seen <= MOST else None
    if written is None:
        code = html.escape(f"{token.markup}{token.content}{_CLOSERS[token.markup]}")
        return f"<pre><code>{code}</code></pre>\n" if block else f"<code>{code}</code>"
    return f'<div class="math">{written}</div>\n' if block else written
