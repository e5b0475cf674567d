"""The frames of the WebSocket, protocol 1, as published at /api/schema/ws.json.

Each client frame is one class here with the rule it falls under; a class without a rule does not exist
for the consumer, and the rules matrix tries every one of them.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal
from uuid import UUID

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from accounts.rules import Rule, Who
from chat.turns import LANES, SOURCES
from config.errors import AppError, BadRequest

PROTOCOL: Final = 1
HEARTBEAT_MS: Final = 25_000


class Close:
    """Why the server closes a socket."""

    UNREADABLE = 4400
    NO_LOGIN = 4401
    WITHDRAWN = 4403
    PROTOCOL = 4409
    TOO_LARGE = 4413
    TOO_MANY = 4429
    RESTART = 1012


class ClientFrame(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    rule: ClassVar[Rule]


# PostgreSQL keeps no NUL, and nobody means one.
WithoutNul = Annotated[str, AfterValidator(lambda text: text.replace("\x00", ""))]


class Options(BaseModel):
    """Everything optional; what is not given is the model's own default."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    system: WithoutNul | None = Field(None, max_length=20_000)
    temperature: float | None = Field(None, ge=0, le=2)
    max_tokens: int | None = Field(None, ge=1, le=1_000_000)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    tools: list[Annotated[WithoutNul, Field(max_length=200)]] | None = Field(None, max_length=32)
    fallback: bool | None = None
    # Of a question to several models: who gave which answer is told after the vote.
    blind: bool | None = None
    # Of one more answer: made out of these other answers to the same question, which it cites as [1], [2] …
    synthesis: list[UUID] | None = Field(None, min_length=2, max_length=SOURCES)


Models = Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=LANES)]


class Hello(ClientFrame):
    rule = Rule(Who.ACTOR)
    type: Literal["hello"]
    version: int


class Ping(ClientFrame):
    rule = Rule(Who.ACTOR)
    type: Literal["ping"]


class ChatSend(ClientFrame):
    rule = Rule(Who.ACTOR, owns="chat")
    type: Literal["chat.send"]
    id: UUID
    chat: UUID | None = None
    parent: UUID | None = None
    edit: UUID | None = None
    # Of the comparison it hangs on: the answers that the person looks at, where a lane has several versions.
    shown: list[UUID] = Field([], max_length=LANES)
    text: str
    models: Models
    options: Options = Options()


class ChatAnswer(ClientFrame):
    rule = Rule(Who.ACTOR, owns="message")
    type: Literal["chat.answer"]
    id: UUID
    message: UUID
    models: Models
    # The answer in whose lane the new one stands, or a lane of its own. Left open: the only lane, else a new one.
    lane: UUID | Literal["new"] | None = None
    options: Options = Options()


class RunContinue(ClientFrame):
    rule = Rule(Who.ACTOR, owns="run")
    type: Literal["run.continue"]
    id: UUID
    run: UUID


class RunFollow(ClientFrame):
    rule = Rule(Who.ACTOR, owns="run")
    type: Literal["run.follow"]
    run: UUID
    after: int = Field(0, ge=0)


class RunUnfollow(ClientFrame):
    rule = Rule(Who.ACTOR, owns="run")
    type: Literal["run.unfollow"]
    run: UUID


class RunAck(ClientFrame):
    rule = Rule(Who.ACTOR, owns="run")
    type: Literal["run.ack"]
    run: UUID
    seq: int = Field(ge=0)


class RunStop(ClientFrame):
    rule = Rule(Who.ACTOR, owns="run")
    type: Literal["run.stop"]
    run: UUID


Frame = Hello | Ping | ChatSend | ChatAnswer | RunContinue | RunFollow | RunUnfollow | RunAck | RunStop
FRAMES: Final[dict[str, type[ClientFrame]]] = {
    kind.model_fields["type"].annotation.__args__[0]: kind  # type: ignore[union-attr]  # every `type` is a Literal
    for kind in Frame.__args__
}
_ADAPTER: Final[TypeAdapter[Frame]] = TypeAdapter(Annotated[Frame, Field(discriminator="type")])


class Unreadable(Exception):
    """Not a JSON object with a `type`: the connection speaks something else."""


def parse(text: str) -> Frame:
    """Raises Unreadable, or BadRequest with the frame's `id` as `ref` in its context."""
    try:
        raw = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise Unreadable from exc
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        raise Unreadable
    ref = raw.get("id") if isinstance(raw.get("id"), str) else None
    if raw["type"] not in FRAMES:
        raise BadRequest("frame", f"There is no frame type {raw['type'][:60]!r}.", param="type", ref=ref)
    try:
        return _ADAPTER.validate_python(raw)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"][1:])
        raise BadRequest("frame", f"{field}: {first['msg']}", param=field, ref=ref) from None


def dump(frame: str, /, **fields: Any) -> str:
    """A server frame."""
    return orjson.dumps({"type": frame, **fields}, default=str).decode()


def error(exc: AppError, request_id: str, ref: str | None = None) -> str:
    return dump(
        "error",
        ref=ref,
        code=exc.code,
        message=exc.message,
        status=exc.status,
        retryable=exc.retryable,
        request_id=request_id,
        details=exc.details,
    )
