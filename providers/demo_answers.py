"""What the demo models say. The same words for the same request, always."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from providers import demo_documents
from providers.base import PromptMessage, ToolSpec

_ADD_KEY: Final = (
    "> **This is a demo model, not an AI.** It runs offline and its answers are prepared.\n"
    "> To talk to a real one, set a key such as `OPENAI_API_KEY` or `ANTHROPIC_API_KEY`, or `OLLAMA_URL`, "
    "and start the server again.\n"
)

_SHOWCASE: Final = """## What an answer can look like

{lead}

### A list and a table

1. **Ask** several models at once
2. *Compare* what they say, side by side
3. ~~Copy and paste between tabs~~ Go on with the answer you like

- [x] streaming text
- [ ] your own key

| Model | First token | Speed | Price per million |
|:------|------------:|------:|------------------:|
| Demo | 20 ms | 60 tok/s | $0.00 |
| Demo, fast | 20 ms | 400 tok/s | $0.00 |
| Demo, slow | 20 ms | 8 tok/s | $0.00 |

### Code

```python
from collections.abc import Iterator


def fibonacci(limit: int) -> Iterator[int]:
    \"\"\"Every Fibonacci number below `limit`.\"\"\"
    a, b = 0, 1
    while a < limit:
        yield a
        a, b = b, a + b


print(list(fibonacci(100)))
```

### A formula

The sum of the first $n$ squares is

$$\\sum_{{k=1}}^{{n}} k^2 = \\frac{{n(n+1)(2n+1)}}{{6}}$$

---

{add_key}"""

_CODE: Final = """Here is a small, complete example to start from:

```python
def greet(name: str = "world") -> str:
    \"\"\"A greeting for `name`, which may be empty.\"\"\"
    return f"Hello, {name.strip() or 'world'}!"


if __name__ == "__main__":
    print(greet("Ada"))
```

**How it works**

1. The default makes `greet()` useful without an argument.
2. `strip()` treats a blank name like no name.
3. The last two lines run only when the file is the program.

"""

_PROSE: Final = (
    (
        "That is a good thing to ask. A prepared answer cannot think about it, but it can show how one arrives: "
        "word by word, with the first words on the screen long before the last are written."
    ),
    (
        "You asked something that deserves a real model. Meanwhile this one shows what you will see: "
        "text that grows while you read it, and a stop button that keeps what was written."
    ),
    (
        "Let me take that in three steps, as a real model might. The steps are the same for every question, "
        "because this one does not understand yours."
    ),
)

_STEPS: Final = """

### Three things to try

- **Compare.** Choose a second model in the picker; both answer the same question side by side.
- **Ask again.** Edit your question or regenerate the answer; the earlier branch stays.
- **See everything.** Write *“show me markdown”* for a table, code and a formula.

"""

THOUGHTS: Final = (
    "The person asks for something. First I look at what is really wanted, then at what is known, and then at what "
    "would help most. A table could be clearer than a paragraph here, but a short answer is easier to read. I compare "
    "both, drop what is not needed, check the numbers once more, and begin with the most useful sentence. "
)

_PICTURE: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 120"><rect width="200" height="120" fill="#eef"/>'
    '<circle cx="100" cy="60" r="36" fill="#57c"/></svg>'
)
_CITIES: Final = re.compile(r"\b(?:in|for|at|of)\s+((?:[A-Z][\w'’.-]*\s?){1,3})")
_KINDS: Final = (
    ("sheet", re.compile(r"\b(spreadsheet|sheet|csv|table of data)\b", re.I)),
    ("code", re.compile(r"\b(code|script|program|function|python)\b", re.I)),
    ("image", re.compile(r"\b(image|picture|drawing|illustration|photo)\b", re.I)),
    ("text", re.compile(r"\b(essay|document|letter|article|story|report|poem)\b", re.I)),
)
_CHANGE: Final = re.compile(
    r"\b(change|update|replace|edit|fix|add|remove|rename|revise|make (?:it|this|that|the \w+) \w+er)\b", re.I
)
_SUGGEST: Final = re.compile(r"\b(suggest\w*|improvements?|review|feedback)\b", re.I)
_MAKE: Final = re.compile(r"\b(write|create|make|draft|generate|draw|compose|build)\b", re.I)


def answer(messages: Sequence[PromptMessage]) -> str:
    """Prose or markdown that fits what was asked last."""
    asked = _asked(messages)
    text = asked.text.strip()
    system = " ".join(message.text for message in messages if message.role == "system").lower()
    if made := _made(system, text):
        return made
    if messages and messages[-1].role == "tool":
        return _after_tools(messages)
    if sources := re.findall(r'<answer number="(\d+)">', text):
        return _combined(sources)
    topic = _topic(text)
    if re.search(r"\b(markdown|table|formula|everything|format)", text, re.I):
        return _SHOWCASE.format(
            lead=f"You asked about *{topic}*. Here is everything an answer may contain.", add_key=_ADD_KEY
        )
    if re.search(r"\b(code|python|function|script|program)\b", text, re.I):
        return _CODE + _ADD_KEY
    images = f" I count {len(asked.images)} picture{'s' * (len(asked.images) != 1)} with it." if asked.images else ""
    lead = f"You wrote: *“{topic}”*.{images}\n\n" if topic else ""
    return lead + _PROSE[sum(map(ord, text)) % len(_PROSE)] + _STEPS + _ADD_KEY


def _combined(sources: Sequence[str]) -> str:
    """One answer out of several, with its sources."""
    points = "".join(
        f"- What answer {number} adds would stand here, with where it comes from. [{number}]\n" for number in sources
    )
    cited = "".join(f"[{number}]" for number in sources)
    return f"All {len(sources)} answers agree on the main thing. {cited}\n\n{points}\n{_ADD_KEY}"


def tool_for(messages: Sequence[PromptMessage], tools: Sequence[ToolSpec]) -> ToolSpec | None:
    """The offered tool that the last question asks for; None after its result."""
    if not messages or messages[-1].role != "user":
        return None
    offered = {tool.name: tool for tool in tools}
    asked = messages[-1].text
    text = demo_documents.without(asked)
    if '<answer number="' in text:
        return None
    if re.search(r"\b(weather|forecast|temperature)\b", text, re.I):
        return offered.get("get_weather")
    if demo_documents.listed(asked) and (wanted := _wish(text)):
        return offered.get(wanted)
    create = offered.get("create_document")
    if create and _MAKE.search(text) and _kind(text) in create.parameters["properties"]["kind"]["enum"]:
        return create
    return None


def _wish(text: str) -> str:
    """What somebody who has a document wants of it: the first verb counts. "" when they want something new."""
    verbs = {"request_suggestions": _SUGGEST, "update_document": _CHANGE, "": _MAKE}
    found = [(match.start(), name) for name, pattern in verbs.items() if (match := pattern.search(text))]
    if anew := demo_documents.ANEW.search(text):
        found.append((anew.start(), "update_document"))
    return min(found, default=(0, ""))[1]


def arguments(tool: ToolSpec, messages: Sequence[PromptMessage]) -> str:
    """Arguments that fit the tool's schema, taken from the question where that is possible."""
    text = _asked(messages).text
    if given := _about_document(tool, text, _last(messages).text):
        return json.dumps(given, ensure_ascii=False)
    properties: Mapping[str, Mapping[str, Any]] = tool.parameters.get("properties", {})
    required = tool.parameters.get("required", list(properties))
    return json.dumps({name: _argument(name, properties.get(name, {}), text) for name in required}, ensure_ascii=False)


def _about_document(tool: ToolSpec, text: str, asked: str) -> dict[str, Any] | None:
    """Arguments of the tools that write, if this is one of them."""
    match tool.name:
        case "create_document":
            language = demo_documents.LANGUAGES.search(text)
            given = {"kind": _kind(text), "title": title(text), "instructions": text}
            return (
                {**given, "language": language[0].lower() if language else "python"}
                if given["kind"] == "code"
                else given
            )
        case "update_document" | "request_suggestions" if demo_documents.listed(asked):
            document = demo_documents.meant(asked, _kind(text))
            given = {"document": document.id, "instructions": text}
            if tool.name == "update_document" and (edits := demo_documents.change(text, document)):
                return {**given, "edits": edits}
            return given
    return None


def _argument(name: str, schema: Mapping[str, Any], text: str) -> Any:
    if allowed := schema.get("enum"):
        return _kind(text) if _kind(text) in allowed else allowed[0]
    match schema.get("type"):
        case "number":
            return {"latitude": 48.85, "longitude": 2.35}.get(name, 1.0)
        case "integer":
            return 1
        case "boolean":
            return True
        case "array":
            return []
        case "object":
            return {}
    if name in {"city", "location", "place"}:
        found = _CITIES.search(text)
        return found[1].strip(" ?.!,") if found else "Paris"
    return title(text) if name == "title" else text


def title(text: str) -> str:
    """Two to five words of `text`, without the words that say nothing."""
    words = re.findall(r"[\w'’-]+", text)
    dull = {
        "a",
        "an",
        "the",
        "please",
        "can",
        "could",
        "you",
        "me",
        "i",
        "to",
        "of",
        "is",
        "are",
        "what",
        "my",
        "for",
        "in",
        "write",
    }
    telling = [word for word in words if word.lower() not in dull] or words
    return " ".join(telling[:5]).capitalize() if telling else "New chat"


def _made(system: str, text: str) -> str:
    """What a caller with its own instructions wants: a title, or the content of a document."""
    if "title" in system and ("words" in system or "short" in system or "characters" in system):
        return title(text)
    if "svg" in system:
        return _PICTURE
    return demo_documents.written(system, text, title(text.partition("\n")[0]))


def _after_tools(messages: Sequence[PromptMessage]) -> str:
    results = []
    for message in reversed(messages):
        if message.role != "tool":
            break
        results.append(message.text)
    weather = _weather(results[-1]) or _document(results[-1])
    return weather or f"The tool answered:\n\n```\n{results[-1][:500]}\n```\n\n{_ADD_KEY}"


def _document(result: str) -> str:
    """What became of a document, in a sentence."""
    try:
        told = json.loads(result)
    except ValueError:
        return ""
    if not isinstance(told, dict) or "document" not in told:
        return ""
    named = f"**{told.get('title', '')}**"
    if (number := told.get("suggestions")) is not None:
        return f"I have {number} suggestion{'s' * (number != 1)} for {named}. Accept what you like.\n\n{_ADD_KEY}"
    if told.get("version") == 1:
        return f"I wrote {named} for you. Edit it by hand, or tell me what to change.\n\n{_ADD_KEY}"
    return f"I changed {named}. Every earlier version is still there.\n\n{_ADD_KEY}"


def _weather(result: str) -> str:
    try:
        told = json.loads(result)
    except ValueError:
        return ""
    if not isinstance(told, dict):
        return ""
    now = told.get("current", told)
    degrees = next(
        (now[name] for name in ("temperature_2m", "temperature", "temp") if isinstance(now, dict) and name in now), None
    )
    if degrees is None:
        return ""
    place = told.get("city") or told.get("place") or told.get("location") or "there"
    return f"It is **{degrees} °C** in {place if isinstance(place, str) else 'there'} at the moment.\n\n{_ADD_KEY}"


def _asked(messages: Sequence[PromptMessage]) -> PromptMessage:
    """The last question, without the documents that were put behind it."""
    asked = _last(messages)
    return replace(asked, text=demo_documents.without(asked.text))


def _last(messages: Sequence[PromptMessage]) -> PromptMessage:
    return next((message for message in reversed(messages) if message.role == "user"), PromptMessage("user", ""))


def _kind(text: str) -> str:
    return next((kind for kind, pattern in _KINDS if pattern.search(text)), "")


def _topic(text: str) -> str:
    """The question in one line, without signs that markdown would read."""
    line = " ".join(re.sub(r"[*_`#<>\[\]|~$\\]", "", text).split())
    return line if len(line) <= 80 else line[:79].rsplit(" ", 1)[0] + "…"
