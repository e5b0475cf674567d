"""What the demo models write into documents, change in them and suggest: the same for the same request, always."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Final

_LISTED: Final = re.compile(r"\n\n<documents>\n.*</documents>\s*\Z", re.S)
_DOCUMENT: Final = re.compile(
    r'<document id="(?P<id>[0-9a-f-]{36})" kind="(?P<kind>\w+)" title="(?P<title>[^"]*)" version="\d+">\n'
    r"(?P<content>.*?)\n</document>",
    re.S,
)
_QUOTED: Final = re.compile(r"\A<document>\n(?P<content>.*)\n</document>\s*(?P<wanted>.*)\Z", re.S)
_SWAP: Final = re.compile(
    r"\b(?:replace|change)\s+(?:the\s+(?:word|line|passage)s?\s+)?[\"“”'‘«](?P<old>.+?)[\"“”'’»]\s+"
    r"(?:with|by|to|into)\s+[\"“”'‘«](?P<new>.*?)[\"“”'’»](?=[\s.,!?]|\Z)"
    r"|\b(?:replace|change)\s+(?:the\s+)?(?P<one>[\w-]+)\s+(?:with|by|to|into)\s+(?P<other>[\w-]+)",
    re.I | re.S,
)
ANEW: Final = re.compile(r"\b(rewrite|shorten|shorter|longer|expand|lengthen|translate|port|polish|tone)\b", re.I)

_ESSAY: Final = """# {subject}

*This text was prepared by a demo model, which is not an AI.*

## A beginning

Every subject begins with a question, and a good question is already half of what one wants to know. Whoever writes
about **{subject}** first has to say what belongs to it and what does not.

## Three things to keep in mind

1. What is old is rarely gone. It comes back under another name.
2. What is new is rarely alone. Somebody tried it before, a little too early.
3. What is simple was seldom simple from the start.

## What follows from that

The long way round is often the one that is remembered. There are letters that crossed an ocean for a single sentence,
and sentences that were worth the ocean. A text about {subject} should leave room for both.

## An end

A real model would have written about your subject. Add a key and ask again; this document stays, with every version
it ever had.
"""
_PYTHON: Final = '''"""{subject}: a small, complete example by a demo model."""

from __future__ import annotations

from collections import deque

ROADS = {{
    "home": ["mill", "bridge"],
    "mill": ["forest"],
    "bridge": ["market", "forest"],
    "forest": ["lake"],
    "market": ["lake"],
    "lake": [],
}}


def shortest_path(roads: dict[str, list[str]], start: str, end: str) -> list[str]:
    """The places from `start` to `end` with the fewest steps, or nothing when there is no way."""
    waiting, seen = deque([[start]]), {{start}}
    while waiting:
        path = waiting.popleft()
        if path[-1] == end:
            return path
        for place in roads[path[-1]]:
            if place not in seen:
                seen.add(place)
                waiting.append([*path, place])
    return []


def main() -> None:
    path = shortest_path(ROADS, "home", "lake")
    print(" -> ".join(path))
    print(f"{{len(path) - 1}} steps")


if __name__ == "__main__":
    main()
'''
_JAVASCRIPT: Final = """// {subject}: a small, complete example by a demo model.
const words = "the quick brown fox jumps over the lazy dog the end".split(" ")

function count(list) {{
  const found = new Map()
  for (const word of list) found.set(word, (found.get(word) ?? 0) + 1)
  return [...found].sort((one, other) => other[1] - one[1])
}}

for (const [word, times] of count(words)) {{
  console.log(`${{word}}: ${{times}}`)
}}
"""
_HTML: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{subject}</title>
<h1>{subject}</h1>
<p>A page by a demo model, which is not an AI.</p>
<button>Count</button> <output>0</output>
<script>
  const output = document.querySelector("output")
  document.querySelector("button").addEventListener("click", () => output.value++)
</script>
</html>
"""
_SQL: Final = """-- {subject}: a small, complete example by a demo model.
CREATE TABLE visit (id INTEGER PRIMARY KEY, place TEXT NOT NULL, day DATE NOT NULL);

SELECT place, count(*) AS visits
FROM visit
GROUP BY place
ORDER BY visits DESC;
"""
_PROGRAMS: Final = {"javascript": _JAVASCRIPT, "html": _HTML, "sql": _SQL}
LANGUAGES: Final = re.compile(r"\b(python|javascript|html|sql)\b", re.I)

_SHEET: Final = """Item,Category,Quantity,Price,In stock
Notebook,Paper,30,4.50,yes
Pencil,Writing,120,0.80,yes
Fountain pen,Writing,8,24.90,yes
"Ink, blue",Writing,25,5.20,no
Desk lamp,Furniture,4,29.90,yes
Bookshelf,Furniture,2,89.00,no
Envelopes,Paper,200,0.12,yes
Stamps,Paper,150,0.85,yes
Paper clips,Small things,500,0.02,yes
Ruler,Small things,15,1.90,yes
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A document as the request shows it."""

    id: str
    kind: str
    title: str
    content: str


def without(text: str) -> str:
    """What the person said, without the documents that were put behind it."""
    return _LISTED.sub("", text)


def listed(text: str) -> list[Shown]:
    """The documents behind a question, oldest first."""
    found = _LISTED.search(text)
    return [
        Shown(one["id"], one["kind"], unescape(one["title"]), one["content"])
        for one in _DOCUMENT.finditer(found[0] if found else "")
    ]


def meant(text: str, kind: str) -> Shown:
    """Which one is spoken of: the newest of that kind, else the newest."""
    shown = listed(text)
    return next((one for one in reversed(shown) if one.kind == kind), shown[-1])


def change(wanted: str, document: Shown) -> list[dict[str, str]]:
    """Passages to be changed; none where it has to be written anew."""
    if swap := _SWAP.search(wanted):
        old, new = swap["old"] or swap["one"], swap["new"] if swap["old"] else swap["other"]
        if document.content.count(old) == 1:
            return [{"old": old, "new": new}]
    if ANEW.search(wanted):
        return []
    lines = [line for line in document.content.split("\n") if line.strip()]
    if not lines:
        return []
    match document.kind:
        case "sheet":
            old, new = lines[-1], f"{lines[-1]}\n{','.join(['New', *[''] * lines[0].count(',')])}"
        case "code":
            old, new = lines[-1], f"{lines[-1]}\n{_remark(document.content)} changed by a demo model"
        case _:
            old, new = lines[0], f"{lines[0]}\n\nThis line was added by a demo model."
    return [{"old": old, "new": new}] if document.content.count(old) == 1 else []


def _remark(code: str) -> str:
    return "//" if "//" in code else "--" if code.startswith("--") else "#"


def written(system: str, text: str, subject: str) -> str:
    """What a caller with instructions for a document wants, or ""."""
    if "suggest improvements" in system and (quoted := _QUOTED.match(text)):
        return "".join(_suggestions(quoted["content"]))
    if "you change a document" in system and (quoted := _QUOTED.match(text)):
        return _anew(quoted["content"], quoted["wanted"])
    if "csv" in system or "spreadsheet" in system:
        return _SHEET
    if "code" in system and "generat" in system:
        language = LANGUAGES.search(system)
        return _PROGRAMS.get(language[0].lower() if language else "", _PYTHON).format(subject=subject)
    if "document" in system and ("write" in system or "content" in system):
        return _ESSAY.format(subject=subject)
    return ""


def _anew(content: str, wanted: str) -> str:
    blocks = content.rstrip("\n").split("\n\n")
    if re.search(r"\bshort", wanted, re.I):
        return "\n\n".join(blocks[: max(1, (len(blocks) + 1) // 2)]) + "\n"
    if re.search(r"\b(longer|expand|lengthen)\b", wanted, re.I) and "," not in blocks[0]:
        return "\n\n".join([*blocks, blocks[-1]]) + "\n"
    return content.rstrip("\n") + "\n"


def _suggestions(content: str) -> Iterator[str]:
    """Up to five, one a line, each for a sentence, line or row that stands there once."""
    made = 0
    for line in content.split("\n"):
        passage = line.strip()
        if made == 5 or len(passage) < 8 or content.count(passage) != 1 or passage.startswith(("```", "---")):
            continue
        proposal = _better(passage)
        made += 1
        told = {"original": passage, "proposal": proposal, "reason": _REASONS[made % len(_REASONS)]}
        yield json.dumps(told, ensure_ascii=False) + "\n"


_REASONS: Final = ("Says the same in a plainer way.", "Easier to find again.", "Clearer at first sight.")


def _better(passage: str) -> str:
    for old, new in ((" often ", " usually "), (" rarely ", " hardly ever "), (" is ", " remains "), (" and ", " & ")):
        if old in passage:
            return passage.replace(old, new, 1)
    if passage.startswith("#") or "," in passage:
        return passage.replace(",", ", ", 1) if "," in passage else f"{passage}, in short"
    return f"{passage} (checked)"
