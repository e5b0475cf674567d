"""JSON Schema of every WebSocket frame, in both directions, as served at /api/schema/ws.json."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from pydantic import TypeAdapter
from typing_extensions import NotRequired, TypedDict  # noqa: UP035  (pydantic wants both from here before 3.12)

from accounts.rules import Who, allow
from chat import frames
from chat.models import Run

Status = Literal["queued", "streaming", "complete", "stopped", "failed", "interrupted"]


class ActorShape(TypedDict):
    id: UUID
    kind: Literal["guest", "member"]


class Hello(TypedDict):
    type: Literal["hello"]
    version: int
    actor: ActorShape
    heartbeat_ms: int


class RunShape(TypedDict):
    id: UUID
    model: str  # "" for a lane of a blind comparison
    message: UUID
    status: Status


class Turn(TypedDict):
    type: Literal["turn"]
    ref: str
    chat: UUID
    message: UUID
    runs: list[RunShape]


class Tokens(TypedDict):
    input: int | None
    output: int | None
    cached: int | None
    reasoning: int | None


class Problem(TypedDict):
    code: str
    message: str


class RunStarted(TypedDict):
    type: Literal["run.started"]
    model: str
    provider: str
    attempt: int


class TextDelta(TypedDict):
    type: Literal["text.delta", "reasoning.delta"]
    text: str


class ReasoningDone(TypedDict):
    type: Literal["reasoning.done"]
    ms: int


class ToolCall(TypedDict):
    type: Literal["tool.call"]
    call: str
    name: str
    arguments: str


class ToolResult(TypedDict):
    type: Literal["tool.result"]
    call: str
    ok: bool
    result: Any


class ArtifactOpen(TypedDict):
    """`base` is the version that is being changed, 0 for a new document."""

    type: Literal["artifact.open"]
    n: int
    document: UUID
    kind: str
    title: str
    language: str | None
    mode: Literal["replace", "edit"]
    base: int


class ArtifactAppend(TypedDict):
    type: Literal["artifact.delta"]
    n: int
    text: str


# Characters are counted in Unicode code points of the text as it stands when the event arrives.
ArtifactReplace = TypedDict(
    "ArtifactReplace",
    {"type": Literal["artifact.delta"], "n": int, "from": int, "to": int, "text": str},
)


class ArtifactClose(TypedDict):
    """`merged`: a person wrote meanwhile, both are in it. `aside`: their words stand, as a newer version."""

    type: Literal["artifact.close"]
    n: int
    version: int
    status: Literal["complete", "partial"]
    merged: NotRequired[bool]
    aside: NotRequired[bool]


class SuggestionAdd(TypedDict):
    type: Literal["suggestion.add"]
    document: UUID
    version: int
    suggestion: UUID
    original: str
    proposal: str
    reason: str


class Usage(Tokens):
    type: Literal["usage"]
    source: Literal["reported", "estimated", "unknown"]


class RunRestarted(TypedDict):
    type: Literal["run.restarted"]
    reason: str
    model: str


class RunSnapshot(TypedDict):
    type: Literal["run.snapshot"]
    parts: list[dict[str, Any]]


class RunFinished(TypedDict):
    type: Literal["run.finished"]
    status: Literal["complete", "stopped", "failed", "interrupted"]
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter", "stopped", "error"]
    tokens: Tokens
    cost: str | None
    ttft_ms: int | None
    duration_ms: int | None
    error: Problem | None


RunEvent = (
    RunStarted
    | TextDelta
    | ReasoningDone
    | ToolCall
    | ToolResult
    | ArtifactOpen
    | ArtifactReplace
    | ArtifactAppend
    | ArtifactClose
    | SuggestionAdd
    | Usage
    | RunRestarted
    | RunSnapshot
    | RunFinished
)


class Event(TypedDict):
    type: Literal["event"]
    run: UUID
    seq: int
    event: RunEvent


class ErrorFrame(TypedDict):
    type: Literal["error"]
    ref: str | None
    code: str
    message: str
    status: int
    retryable: bool
    request_id: str
    details: dict[str, Any]


class Notice(TypedDict):
    type: Literal["notice"]
    kind: Literal["message.added", "run.state", "document.changed", "paused", "quota"]
    chat: NotRequired[UUID]
    message: NotRequired[UUID]
    runs: NotRequired[list[RunShape]]
    run: NotRequired[UUID]
    document: NotRequired[UUID]
    version: NotRequired[int]
    status: NotRequired[Status]
    seq: NotRequired[int]
    window: NotRequired[str]
    used: NotRequired[int]
    limit: NotRequired[int]
    renews_at: NotRequired[str | None]


class Pong(TypedDict):
    type: Literal["pong"]


ServerFrame = Hello | Turn | Event | ErrorFrame | Notice | Pong
SERVER: TypeAdapter[ServerFrame] = TypeAdapter(ServerFrame)
_CLIENT: TypeAdapter[frames.Frame] = TypeAdapter(frames.Frame)


@cache
def schema() -> dict[str, Any]:
    return {
        "protocol": frames.PROTOCOL,
        "client": _CLIENT.json_schema(mode="validation"),
        "server": SERVER.json_schema(mode="serialization"),
        "close_codes": {name.lower(): code for name, code in vars(frames.Close).items() if name.isupper()},
        "run_status": list(Run.Status.values),
    }


@allow(Who.ANYONE)
def socket_schema(request: HttpRequest) -> JsonResponse:
    return JsonResponse(schema())
