"""A program or another text for machines, in one language."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from artifacts import diffs
from artifacts.edits import changed
from artifacts.kinds.base import Compared, Kind
from artifacts.kinds.cleaning import Unwrapper

# How files of a language end. What is not here is plain text.
SUFFIXES: Final = {
    "python": "py", "javascript": "js", "typescript": "ts", "html": "html", "css": "css", "sql": "sql", "json": "json",
    "rust": "rs", "go": "go", "c": "c", "c++": "cpp", "cpp": "cpp", "java": "java", "kotlin": "kt", "ruby": "rb",
    "php": "php", "bash": "sh", "shell": "sh", "swift": "swift", "yaml": "yaml", "toml": "toml", "xml": "xml",
    "svg": "svg", "mermaid": "mmd", "markdown": "md", "r": "r", "lua": "lua", "csharp": "cs", "c#": "cs",
}  # fmt: skip


def _compare(one: str, other: str) -> Compared:
    first, second = one.splitlines(keepends=True), other.splitlines(keepends=True)
    pieces: list[diffs.Piece] = []
    done = 0
    for a, b, c, d in changed(first, second):
        pieces += [
            diffs.Piece("both", "".join(first[done:a])),
            diffs.Piece("gone", "".join(first[a:b])),
            diffs.Piece("new", "".join(second[c:d])),
        ]
        done = b
    pieces.append(diffs.Piece("both", "".join(first[done:])))
    return Compared("lines", tuple(piece for piece in pieces if piece.text))


KIND: Final = Kind(
    name="code",
    label=_("Code"),
    icon="code",
    writing=(
        "Generate code in the language {language}. It must be complete and run as it is, with short comments where a"
        " reader needs them. Write nothing but the code: no explanation, no Markdown."
    ),
    parser=Unwrapper,
    compare=_compare,
    # Shown as text wherever it is opened: a browser that took it for HTML would run a stranger's script.
    media_type=lambda language: "text/plain",
    suffix=lambda language: SUFFIXES.get(language.lower(), "txt"),
)
