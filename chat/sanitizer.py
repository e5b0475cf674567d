"""The one place where HTML made from somebody's words becomes HTML we show.

An allow-list of what `chat.markdown` writes, and nothing else: no images or frames, so that looking at
an answer loads nothing; no ids or names, which could shadow the page's own; no styles.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import nh3
from django.utils.safestring import SafeString, mark_safe
from pygments.token import STANDARD_TYPES

_PLAIN: Final = "p br hr strong em s code pre blockquote ul ol li h3 h4 h5 h6 table thead tbody tr th td".split()
_FRAMED: Final = "a div figure figcaption span input".split()
_MATH: Final = (
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mmultiscripts"
    " mprescripts none mtable mtr mtd mstyle mpadded mphantom menclose merror"
).split()
_MATH_ATTRIBUTES: Final = set(
    "accent accentunder columnalign columnlines columnspacing depth display displaystyle fence form frame height"
    " largeop linebreak linethickness lspace mathcolor mathsize mathvariant maxsize minsize movablelimits notation"
    " rowalign rowlines rowspacing rspace scriptlevel separator stretchy symmetric voffset width".split()
)
_CLASSES: Final = {
    "a": {"image"},
    "div": {"table-scroll", "math"},
    "figure": {"code"},
    "figcaption": {"code__head"},
    "span": {"code__language"} | {name for name in STANDARD_TYPES.values() if name},
    "code": {"highlight"},
    "pre": {"plain"},
    "li": {"task"},
    "th": {"align-right", "align-center"},
    "td": {"align-right", "align-center"},
}

_cleaner: Final = nh3.Cleaner(
    tags={*_PLAIN, *_FRAMED, *_MATH},
    clean_content_tags={"script", "style", "template", "noscript", "iframe", "object", "svg"},
    attributes={
        "a": {"href", "title"},
        "ol": {"start"},
        "div": {"aria-label"},
        "input": {"aria-label", "checked"},
    }
    | dict.fromkeys(_MATH, _MATH_ATTRIBUTES),
    tag_attribute_values={"div": {"tabindex": {"0"}, "role": {"group"}}, "pre": {"tabindex": {"0"}}},
    set_tag_attribute_values={"a": {"target": "_blank"}, "input": {"type": "checkbox", "disabled": ""}},
    allowed_classes=_CLASSES,
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel="noopener noreferrer nofollow ugc",
)


def clean(html: str) -> SafeString:
    """`html` without anything that is not on the list. Linear in its length."""
    return mark_safe(_cleaner.clean(html))  # noqa: S308  (this is what makes it safe)


_CITED: Final = re.compile(r"\[(\d{1,2})\](?!\()")
_APART: Final = re.compile(r"<(/?)(?:pre|code|a|math)[ >]")


def linked(html: SafeString, sources: Sequence[UUID]) -> SafeString:
    """Rendered text in which [1] leads to the first source. Not in code, where it is an index, and not in links."""

    def link(cited: re.Match[str]) -> str:
        number = int(cited[1])
        if not 1 <= number <= len(sources):
            return cited[0]
        return f'<a class="cited" href="#m-{sources[number - 1]}">[{number}]</a>'

    pieces = re.split(r"(<[^>]*>)", html)
    depth = 0
    for at, piece in enumerate(pieces):
        if found := _APART.match(piece):
            depth += -1 if found[1] else 1
        elif not depth and not piece.startswith("<"):
            pieces[at] = _CITED.sub(link, piece)
    return mark_safe("".join(pieces))  # noqa: S308  (it was clean, and the links are ours)
