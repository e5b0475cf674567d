"""The witness's side doors: its own HTTP API under /_witness, and the model lists of the shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .behaviours import GrammarError, parse
from .parts import Answer, Refusal
from .shapes import Gemini, OpenAI

if TYPE_CHECKING:
    from .server import Witness

FILTERS = ("model", "user", "marker", "shape", "kind")


def routes(app: web.Application, witness: Witness) -> None:
    async def requests(request: web.Request) -> web.Response:
        filters = {name: request.query[name] for name in FILTERS if name in request.query}
        return web.json_response({"requests": [one.dump() for one in witness.requests(**filters)]})

    async def one_request(request: web.Request) -> web.Response:
        record = witness.request(int(request.match_info["id"]))
        return web.json_response(
            record.dump() if record else {"error": "no such request"}, status=200 if record else 404
        )

    async def stats(request: web.Request) -> web.Response:
        return web.json_response(witness.stats())

    async def reset(request: web.Request) -> web.Response:
        witness.reset(disconnect="disconnect" in request.query)
        return web.json_response({"ok": True})

    async def script(request: web.Request) -> web.Response:
        body = await request.json()
        try:
            witness.script(body["model"], body["responses"])
        except (GrammarError, KeyError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"ok": True})

    app.router.add_get("/_witness/requests", requests)
    app.router.add_get("/_witness/requests/{id:\\d+}", one_request)
    app.router.add_get("/_witness/stats", stats)
    app.router.add_post("/_witness/reset", reset)
    app.router.add_post("/_witness/script", script)


def answer(response: str | Mapping[str, Any]) -> Answer:
    """A scripted response as a value. Raises GrammarError."""
    if isinstance(response, str):
        parse(response)
        return Answer(response)
    if unknown := response.keys() - {"behaviour", "text", "reasoning", "calls", "raw"}:
        raise GrammarError(f"a scripted response has no {sorted(unknown)}")
    behaviour = response.get("behaviour", "w-tokens20")
    parse(behaviour)
    calls = response.get("calls")
    return Answer(
        behaviour,
        response.get("text", "" if calls is not None else None),
        response.get("reasoning"),
        None if calls is None else tuple((call["name"], _arguments(call.get("arguments", {}))) for call in calls),
        response.get("raw"),
    )


def key(request: web.Request) -> str:
    """The key a request brought, wherever its shape puts it."""
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    headers = request.headers
    return headers.get("x-api-key") or headers.get("x-goog-api-key") or bearer or request.query.get("key", "")


def listing(request: web.Request, body: Mapping[str, Any], models: Sequence[str], key: str) -> web.Response:
    """Model lists and what else clients ask before they chat; 404 for the rest."""
    path = (request.method, request.path)
    if "-bad" in key and path[1].startswith("/v1"):
        if path[1].startswith("/v1beta"):
            refusal = Refusal(400, "auth", "API key not valid. Please pass a valid API key.")
            return web.json_response(Gemini().refuse(refusal), status=400)
        refusal = Refusal(401, "auth", f"Incorrect API key provided: {key}.")
        return web.json_response(OpenAI().refuse(refusal), status=401)
    match path:
        case ("GET", "/v1/models"):
            return web.json_response({"object": "list", "data": [_model(name) for name in models], "has_more": False})
        case ("GET", "/v1beta/models"):
            methods = ["generateContent", "streamGenerateContent"]
            found = [{"name": f"models/{name}", "supportedGenerationMethods": methods} for name in models]
            return web.json_response({"models": found})
        case ("GET", "/api/tags"):
            return web.json_response({"models": [_tag(name) for name in models]})
        case ("GET", "/api/version"):
            return web.json_response({"version": "0.12.0"})
        case ("POST", "/api/show"):
            name = str(body.get("model") or body.get("name") or "")
            return web.json_response(
                {
                    **_tag(name),
                    "template": "{{ .Prompt }}",
                    "capabilities": ["completion", "tools", "thinking"],
                    "model_info": {"general.architecture": "witness", "witness.context_length": 8192},
                }
            )
        case ("GET" | "HEAD", "/"):
            return web.Response(text="Ollama is running")
    return web.json_response({"error": {"message": f"no route {request.method} {request.path}"}}, status=404)


def _model(name: str) -> dict[str, Any]:
    """An entry that OpenAI's clients and Anthropic's both understand."""
    return {
        "id": name,
        "object": "model",
        "created": 1_750_000_000,
        "owned_by": "witness",
        "type": "model",
        "display_name": name,
        "created_at": "2025-06-15T12:00:00Z",
    }


def _tag(name: str) -> dict[str, Any]:
    full = name if ":" in name else f"{name}:latest"
    details = {"family": "witness", "parameter_size": "1B", "quantization_level": "Q4_0"}
    return {"name": full, "model": full, "modified_at": "2025-06-15T12:00:00Z", "size": 1000, "details": details}


def _arguments(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
