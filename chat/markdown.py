"""Markdown as the server renders it: tables, task lists, highlighted code, mathematics, sanitised.

While an answer is being written the browser shows a light rendering of its own; this one replaces it. The
input is a stranger's. Raw HTML is text, images are links, and `sanitizer.clean` has the last word.

Work is bounded. Blocks over `BLOCK_MAX` and texts over `TEXT_MAX` are shown as they are. What is shorter can
still be made to cost its length squared (nested lists here, half of the lexers in Pygments), so there is a
budget in seconds of processor time, looked at before every rule and every token: whoever uses it up gets plain
text. Ordinary text of the greatest length takes a quarter of it. The browser has to lay out what comes of it: after
`DRESSED_MAX` blocks of code, further ones are shown without their head.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape, unescape
from typing import Final

from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from chat import formulas, highlighting, sanitizer

logger = logging.getLogger(__name__)

BLOCK_MAX: Final = 64 * 1024
TEXT_MAX: Final = 512 * 1024
DRESSED_MAX: Final = 200
TEXT_BUDGET_S: Final = 3.0
CACHE_MAX: Final = 32 * 1024 * 1024  # characters of HTML kept

_SCHEMES: Final = ("http://", "https://", "mailto:")
_BARE_URL: Final = re.compile(r"(?<![\w/@.-])(?:https?://|www\.)[^\s<>\"'`|\\]{2,2000}", re.IGNORECASE)
_TASK: Final = re.compile(r"\[([ xX])\][ \t\n]")


def render(text: str) -> SafeString:
    """`text` as HTML that may be put into a page. Never raises; rendered once per text and language."""
    key = hashlib.blake2b(f"{get_language()}\0{text}".encode(errors="surrogatepass"), digest_size=16).digest()
    if (known := _cache.get(key)) is not None:
        return known
    html = _rendered(text)
    _cache.put(key, html)
    return html


def _rendered(text: str) -> SafeString:
    text = text.encode(errors="replace").decode()  # a lone surrogate has no place in a page
    if len(text) > TEXT_MAX:
        return sanitizer.clean(_plain(text))
    try:
        return sanitizer.clean(_parser().render(text, {"budget": highlighting.Budget(TEXT_BUDGET_S)}))
    except highlighting.Exhausted:
        logger.warning("markdown too laborious", extra={"length": len(text)})
        return sanitizer.clean(_plain(text))
    except Exception:
        # A text that the renderer trips over must not take the whole page with it.
        logger.exception("markdown not rendered", extra={"length": len(text)})
        return sanitizer.clean(_plain(text))


_BREAK: Final = re.compile(r"</(?:p|h[1-6]|ul|ol|table|pre|blockquote)>|</(?P<line>li|tr)>\n?")
_CELL: Final = re.compile(r"</t[dh]>\n?")
_ROWS: Final = re.compile(r"(?<!\s)\s*<(?:/?t(?:head|body)|tr)>\s*")
_HEAD: Final = re.compile(r"<figcaption.*?</figcaption>", re.DOTALL)
_TAG: Final = re.compile(r"<[^>]*>")


def plain(text: str) -> str:
    """What a reader of `render` reads: a line for each item and row, an empty one after each block."""
    html = _ROWS.sub("", _CELL.sub(" ", _HEAD.sub("", render(text)))).replace("<li>", "• ")
    html = _BREAK.sub(lambda found: "\n" if found["line"] else "\n\n", html)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"(?<![ \t])[ \t]+\n", "\n", unescape(_TAG.sub("", html)))).strip()


class _Cache:
    """What was rendered last, up to CACHE_MAX characters."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, SafeString] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: bytes) -> SafeString | None:
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def put(self, key: bytes, html: SafeString) -> None:
        with self._lock:
            if key in self._known or len(html) > CACHE_MAX // 8:
                return
            self._known[key] = html
            self._size += len(html)
            while self._size > CACHE_MAX:
                self._size -= len(self._known.popitem(last=False)[1])


_cache: Final = _Cache()


@cache
def _parser() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False, "maxNesting": 40}).enable(["table", "strikethrough"])
    md.validateLink = lambda url: url.strip().lower().startswith(_SCHEMES)  # type: ignore[method-assign]  # the documented way
    md.use(formulas.plugin)
    md.block.ruler.before("table", "budget", _within_budget)
    md.inline.ruler.before("text", "budget", _within_budget)
    md.core.ruler.before("inline", "large_blocks", _large_blocks)
    md.core.ruler.push("links", _links)
    md.core.ruler.push("tasks", _tasks)
    md.core.ruler.push("headings", _headings)
    md.add_render_rule("fence", _fence)
    md.add_render_rule("code_block", _fence)
    md.add_render_rule("large_block", _large_block)
    md.add_render_rule("image", _image)
    md.add_render_rule("task", _task)
    md.add_render_rule("table_open", _table_open)
    md.add_render_rule("table_close", lambda *_args: "</table></div>\n")
    for cell in ("th_open", "td_open"):
        md.add_render_rule(cell, _cell)
    return md


# --- Rules: what the tokens are ----------------------------------------------------------------------


def _within_budget(state: StateBlock | StateInline, *_where: object) -> bool:
    """A rule that never applies and is asked everywhere."""
    state.env["budget"].check()
    return False


def _large_blocks(state: StateCore) -> None:
    """Blocks over BLOCK_MAX lose their structure before it is looked into."""
    if len(state.src) <= BLOCK_MAX:
        return
    lines = [f"{line}\n" for line in state.src.split("\n")]
    kept: list[Token] = []
    for block in _blocks(state.tokens):
        begin, end = block[0].map or (0, 0)
        source = "".join(lines[begin:end])
        if len(source) > BLOCK_MAX:
            block = [Token("large_block", "pre", 0, content=source, map=[begin, end], block=True)]
        kept.extend(block)
    state.tokens = kept


def _blocks(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens of each block at the top."""
    block: list[Token] = []
    for token in tokens:
        block.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield block
            block = []
    if block:
        yield block


def _links(state: StateCore) -> None:
    """Addresses that are written out become links, and images in links keep only their words."""
    for block in state.tokens:
        if block.type != "inline" or not block.children:
            continue
        children: list[Token] = []
        depth = 0
        for token in block.children:
            if token.type in ("link_open", "link_close"):
                depth += token.nesting
            if token.type == "text" and not depth:
                children.extend(_linked(token))
            elif token.type == "image" and depth:
                children.append(Token("text", "", 0, content=token.content))
            else:
                children.append(token)
        block.children = children


def _linked(token: Token) -> Iterator[Token]:
    text, done = token.content, 0
    for found in _BARE_URL.finditer(text):
        address = _without_trailing(found[0])
        if address.lower() in ("http://", "https://", "www."):
            continue
        yield Token("text", "", 0, content=text[done : found.start()])
        href = address if address.lower().startswith("http") else f"https://{address}"
        yield Token("link_open", "a", 1, attrs={"href": href})
        yield Token("text", "", 0, content=address)
        yield Token("link_close", "a", -1)
        done = found.start() + len(address)
    yield token if not done else Token("text", "", 0, content=text[done:])


def _without_trailing(address: str) -> str:
    """Without the signs that belong to the sentence around it, as GitHub does it."""
    unclosed = address.count(")") - address.count("(")
    end = len(address)
    while end:
        sign = address[end - 1]
        if sign == ")" and unclosed > 0:
            unclosed -= 1
        elif sign not in "?!.,:;*_~]":
            break
        end -= 1
    return address[:end]


def _tasks(state: StateCore) -> None:
    """`- [x] done` gets a box."""
    for item, paragraph, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if (item.type, paragraph.type, inline.type) != ("list_item_open", "paragraph_open", "inline"):
            continue
        found = _TASK.match(inline.content)
        first = inline.children[0] if inline.children else None
        if found and first and first.type == "text" and first.content.startswith(found[0].strip()):
            item.attrSet("class", "task")
            first.content = first.content[3:]
            inline.children = [Token("task", "input", 0, content=found[1].strip()), *(inline.children or ())]


def _headings(state: StateCore) -> None:
    """Headings count from three, under the page's own, leave out no level whatever the text did, and say something."""
    empty = [
        at for at, token in enumerate(state.tokens) if token.type == "heading_open" and _is_empty(state.tokens[at + 1])
    ]
    for at in reversed(empty):
        del state.tokens[at : at + 3]
    outline: list[str] = []
    for token in state.tokens:
        if token.type == "heading_open":
            while outline and outline[-1] >= token.tag:
                outline.pop()
            outline.append(token.tag)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, 2 + len(outline))}"


def _is_empty(token: Token) -> bool:
    return not token.content.strip()


# --- Renderers: what the tokens look like --------------------------------------------------------------


def _plain(text: str) -> str:
    return f'<pre class="plain">{escape(text)}</pre>\n'


def _large_block(
    renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    return _plain(tokens[index].content)


def _fence(renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    """Code with its language, highlighted where the language is known."""
    token = tokens[index]
    env["dressed"] = env.get("dressed", 0) + 1
    if env["dressed"] > DRESSED_MAX:
        return _plain(token.content)
    language = token.info.split(maxsplit=1)[0][:40] if token.info.strip() else ""
    lexer = highlighting.lexer_of(language.lower())
    code = (highlighting.highlighted(token.content, lexer, env["budget"]) if lexer else "") or escape(token.content)
    return (
        '<figure class="code"><figcaption class="code__head">'
        f'<span class="code__language">{escape(lexer.name if lexer else language)}</span></figcaption>'
        f'<pre tabindex="0"><code class="highlight">{code}</code></pre></figure>\n'
    )


def _image(renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    """A link: loading a picture would tell its server who reads the answer, and whatever the address says."""
    token = tokens[index]
    label = escape(token.content.strip() or _("Image"))
    address = escape(str(token.attrGet("src") or ""))
    return f'<a class="image" href="{address}">{label}</a>'


def _task(renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    done = bool(tokens[index].content)
    label = _("Done") if done else _("To do")
    return f'<input type="checkbox" {"checked " if done else ""}aria-label="{escape(label)}">'


def _table_open(
    renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    label = _("Table")
    return f'<div class="table-scroll" tabindex="0" role="group" aria-label="{escape(label)}"><table>\n'


def _cell(renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    side = str(token.attrGet("style") or "").removeprefix("text-align:")
    return f'<{token.tag} class="align-{side}">' if side in ("right", "center") else f"<{token.tag}>"
