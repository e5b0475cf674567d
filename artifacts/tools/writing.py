"""The tools that write: `create_document`, `update_document`, `request_suggestions`.

What is long comes from a second call with the role `artifact` and streams into the open document. What is short, the
passages to be changed, comes with the tool's own arguments and costs no more than the change.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import BaseModel, Field, ValidationError

from artifacts import documents, edits, kinds, streams
from artifacts.kinds import CONTENT_MAX, Kind, Parser
from artifacts.models import Document, Version
from artifacts.tools.base import Context, Cut, Result, Step, Tool, failed
from config.errors import BadRequest, NotFound
from providers.base import PromptMessage, ToolSpec

SUGGESTIONS: Final = 5  # that are asked for
_LINE_MAX: Final = 64 * 1024  # characters of one suggestion
_SHOWN: Final = "The person sees it beside the chat. Say in a sentence what you did; do not repeat the content."

_DOCUMENT: Final = {"type": "string", "description": "The document's id, as an earlier tool result or the list says."}

CREATE: Final = ToolSpec(
    name="create_document",
    description=(
        "Write a document that the person can read, edit and keep beside the chat: an essay, a letter, a program, a"
        " table. Use it for anything longer than a few lines that they will want to keep or work on. The content is"
        " written from your instructions alone, so put everything into them that matters."
    ),
    parameters={
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": list(kinds.KINDS), "description": "What kind of document."},
            "title": {"type": "string", "description": "A short title."},
            "language": {"type": "string", "description": "Of code: the programming language."},
            "instructions": {"type": "string", "description": "What it should say, in detail."},
        },
        "required": ["kind", "title", "instructions"],
        "additionalProperties": False,
    },
)
UPDATE: Final = ToolSpec(
    name="update_document",
    description=(
        "Change a document. For small changes give `edits`: passages copied exactly from the document as it is now,"
        " each long enough to stand there only once, and what to put in their place. For larger ones give"
        " `instructions`, and it is written anew."
    ),
    parameters={
        "type": "object",
        "properties": {
            "document": _DOCUMENT,
            "edits": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"old": {"type": "string"}, "new": {"type": "string"}},
                    "required": ["old", "new"],
                    "additionalProperties": False,
                },
            },
            "instructions": {"type": "string", "description": "What to change, in words."},
        },
        "required": ["document", "instructions"],
        "additionalProperties": False,
    },
)
SUGGEST: Final = ToolSpec(
    name="request_suggestions",
    description="Propose improvements to a document, passage by passage. The person accepts or rejects each.",
    parameters={
        "type": "object",
        "properties": {
            "document": _DOCUMENT,
            "instructions": {"type": "string", "description": "What to look at; everything when left out."},
        },
        "required": ["document"],
        "additionalProperties": False,
    },
)


class Create(BaseModel):
    kind: str
    title: str = ""
    language: str = ""
    instructions: str = ""


class OneEdit(BaseModel):
    old: str
    new: str


class Update(BaseModel):
    document: UUID
    edits: list[OneEdit] = Field(default_factory=list, max_length=200)
    instructions: str = ""


class Suggest(BaseModel):
    document: UUID
    instructions: str = ""


async def create(context: Context, arguments: Mapping[str, Any]) -> AsyncGenerator[Step, None]:
    try:
        asked = Create.model_validate(arguments)
        kind = kinds.get(asked.kind)
    except (ValidationError, BadRequest) as exc:
        yield _unfit(exc)
        return
    title = " ".join(asked.title.split())[: documents.TITLE_MAX] or str(kind.label)
    document = await context.store(documents.begin, context.origin, kind.name, title, asked.language)
    wanted = f"{title}\n\n{asked.instructions}".strip()
    messages = [PromptMessage("system", _writing(kind, document)), PromptMessage("user", wanted)]
    async with aclosing(_written(context, document, kind, messages)) as steps:
        async for step in steps:
            yield step


async def update(context: Context, arguments: Mapping[str, Any]) -> AsyncGenerator[Step, None]:
    try:
        asked = Update.model_validate(arguments)
        document, version = await context.store(documents.take_up, context.origin, asked.document)
    except (ValidationError, NotFound) as exc:
        yield _unfit(exc)
        return
    kind = kinds.get(document.kind)
    try:
        changes = edits.locate(version.content, [edits.Edit(edit.old, edit.new) for edit in asked.edits])
    except edits.Unfit:
        changes = []  # written anew below
    if changes:
        content = edits.apply(version.content, changes)
        n = context.number()
        # Stored first: half of the edits are no document.
        written = await context.store(documents.write, context.origin, n, document.pk, content, version.number)
        yield streams.opened(n, document, "edit", version.number)
        for event in streams.replaced(n, changes):
            yield event
        yield streams.closed(n, written)
        yield _done(document, written)
        return
    wanted = "\n".join([asked.instructions, *(f"Replace:\n{edit.old}\nby:\n{edit.new}" for edit in asked.edits)])
    if not wanted.strip():
        yield failed("bad_arguments", "Say what to change.")
        return
    await context.store(documents.lay_hand_on, context.origin, document.pk)
    system = f"{_writing(kind, document)} Here you change a document: write all of it, also what stays as it is."
    messages = [PromptMessage("system", system), PromptMessage("user", f"{_quoted(version)}\n\n{wanted}")]
    async with aclosing(_written(context, document, kind, messages, base=version.number)) as steps:
        async for step in steps:
            yield step


async def suggest(context: Context, arguments: Mapping[str, Any]) -> AsyncGenerator[Step, None]:
    try:
        asked = Suggest.model_validate(arguments)
        document, version = await context.store(documents.take_up, context.origin, asked.document)
    except (ValidationError, NotFound) as exc:
        yield _unfit(exc)
        return
    system = (
        f"You suggest improvements to a document: at most {SUGGESTIONS}, the most useful ones. Reply with one JSON"
        ' object on each line and nothing else: {"original": …, "proposal": …, "reason": …}. `original` is a'
        " sentence, line or row copied exactly from the document, which stands there only once; `proposal` is what"
        " should stand in its place; `reason` says why in a few words."
    )
    messages = [
        PromptMessage("system", system),
        PromptMessage("user", f"{_quoted(version)}\n\n{asked.instructions or 'Suggest improvements.'}"),
    ]
    made = 0
    async with aclosing(_lines(context.ask("artifact", messages))) as lines:
        async for line in lines:
            if (found := _suggestion(line)) and made < SUGGESTIONS:
                kept = await context.store(documents.suggest, context.origin, document.pk, version.number, [found])
                made += len(kept)
                for suggestion in kept:
                    yield streams.suggestion(suggestion)
    yield Result(True, _about(document, version.number) | {"suggestions": made, "note": _SHOWN})


TOOLS: Final = tuple(
    Tool(spec, run, patience_s=None) for spec, run in ((CREATE, create), (UPDATE, update), (SUGGEST, suggest))
)


async def _written(
    context: Context, document: Document, kind: Kind, messages: Sequence[PromptMessage], base: int = 0
) -> AsyncGenerator[Step, None]:
    """What a model writes, streamed into the document and kept at its end. If it breaks off it stays open."""
    n = context.number()
    yield streams.opened(n, document, base=base)
    pieces: list[str] = []
    length = 0
    said = _parsed(context.ask("artifact", messages), kind.parser())
    async with aclosing(streams.paced(said)) as paced:
        async for piece in paced:
            if (length := length + len(piece)) > CONTENT_MAX:
                raise Cut
            pieces.append(piece)
            yield streams.delta(n, piece)
    if not length:
        raise Cut
    written = await context.store(documents.write, context.origin, n, document.pk, "".join(pieces), base)
    yield streams.closed(n, written)
    yield _done(document, written)


async def _parsed(pieces: AsyncGenerator[str, None], parser: Parser) -> AsyncGenerator[str, None]:
    """Also when it breaks off, what the parser kept back is given."""
    async with aclosing(pieces) as said:
        try:
            async for piece in said:
                if clean := parser.push(piece):
                    yield clean
        except Exception:
            if rest := parser.flush():
                yield rest
            raise
    if rest := parser.flush():
        yield rest


async def _lines(pieces: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    held = ""
    async with aclosing(pieces) as said:
        async for piece in said:
            *whole, held = (held + piece).split("\n")
            for line in whole:
                yield line
            held = held[:_LINE_MAX]
    yield held


def _suggestion(line: str) -> tuple[str, str, str] | None:
    """A line as (original, proposal, reason); None for whatever else a model says around them."""
    try:
        found = orjson.loads(line.strip().rstrip(","))
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict):
        return None
    fields = [found.get(name, "") for name in ("original", "proposal", "reason")]
    if not all(isinstance(value, str) for value in fields) or not fields[0]:
        return None
    original, proposal, reason = fields
    return original, proposal, reason[:500]


def _writing(kind: Kind, document: Document) -> str:
    return kind.writing.replace("{language}", document.language or "Python")


def _quoted(version: Version) -> str:
    return f"<document>\n{version.content}\n</document>"


def _about(document: Document, version: int) -> dict[str, Any]:
    return {"document": str(document.pk), "kind": document.kind, "title": document.title, "version": version}


def _done(document: Document, written: documents.Written) -> Result:
    told = _about(document, written.version) | {"note": _SHOWN}
    if written.aside:
        told["note"] = (
            "The person changed the same place meanwhile. Their words stand; yours are a version they can choose."
        )
    return Result(True, told)


def _unfit(exc: ValidationError | BadRequest | NotFound) -> Result:
    if isinstance(exc, ValidationError):
        first = exc.errors(include_url=False, include_input=False)[0]
        return failed("bad_arguments", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    return failed("not_found" if isinstance(exc, NotFound) else "bad_arguments", exc.message)
