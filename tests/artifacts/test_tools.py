"""Tools do what they say, and tell the model what went wrong instead of raising."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from artifacts import tools
from artifacts.documents import Origin
from config.ids import uuid7
from providers import catalog
from providers.events import ToolCall

REPORT = {
    "current": {
        "time": "2026-05-01T12:00",
        "temperature_2m": 18.4,
        "weather_code": 2,
        "wind_speed_10m": 9.1,
        "is_day": 1,
    },
    "hourly": {
        "time": ["2026-05-01T12:00", "2026-05-01T13:00"],
        "temperature_2m": [18.4, None],
        "weather_code": [2, 3],
    },
}
PARIS = {"place": "Paris", "latitude": 48.85, "longitude": 2.35}


async def nobody(role: str, messages: object) -> AsyncGenerator[str, None]:
    assert not role, "the weather needs no model"
    yield ""


async def nothing(function: object, *args: object, **kwargs: object) -> None:
    raise AssertionError("the weather is not kept")


NOWHERE = tools.Context(Origin(uuid7(), uuid7(), uuid7()), nobody, nothing, lambda: 1)


class Service:
    """A weather service whose next answer a test chooses, and which remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.body = 200, json.dumps(REPORT)
        self.asked: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        return web.Response(status=self.status, text=self.body, content_type="application/json")


@pytest_asyncio.fixture
async def service(settings: Any) -> AsyncIterator[Service]:
    service = Service()
    app = web.Application()
    app.router.add_get("/v1/forecast", service.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]  # it listens
    settings.WEATHER_URL = f"http://127.0.0.1:{port}/v1/forecast"
    yield service
    await runner.cleanup()


async def use(name: str, arguments: object) -> tools.Result:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    steps = [step async for step in tools.use(ToolCall("c1", name, text), tools.TOOLS, NOWHERE)]
    [result] = [step for step in steps if isinstance(step, tools.Result)]
    return result


async def test_the_weather_is_told_in_words_and_degrees(service: Service) -> None:
    ok, told = await use("get_weather", PARIS)
    assert ok
    assert (told["place"], told["temperature"], told["sky"]) == ("Paris", 18.4, "partly cloudy")
    assert told["hours"] == [{"time": "2026-05-01T12:00", "temperature": 18.4, "sky": "partly cloudy"}]
    assert service.asked[0]["latitude"] == "48.85"


@pytest.mark.parametrize(("status", "body"), [(500, "{}"), (200, "<html>"), (200, '{"current": 1}'), (302, "")])
async def test_an_odd_answer_of_the_service_is_told_as_unavailable(status: int, body: str, service: Service) -> None:
    service.status, service.body = status, body
    ok, told = await use("get_weather", PARIS)
    assert not ok
    assert told["error"] == "unavailable"


async def test_offline_the_tool_says_so(settings: Any) -> None:
    settings.WEATHER_URL = "http://127.0.0.1:9/v1/forecast"
    ok, told = await use("get_weather", PARIS)
    assert not ok
    assert told["error"] == "unavailable"


@pytest.mark.parametrize(
    "arguments",
    [
        "{",
        "[]",
        "7",
        {"latitude": "north", "longitude": 1},
        {"latitude": 91, "longitude": 1},
        {"place": "Paris"},
        "x" * 300_000,
    ],
)
async def test_bad_arguments_are_told_to_the_model(arguments: object, service: Service) -> None:
    ok, told = await use("get_weather", arguments)
    assert not ok
    assert told["error"] == "bad_arguments"
    assert service.asked == []


async def test_an_unknown_tool_is_told_to_the_model() -> None:
    ok, told = await use("launch_rocket", {})
    assert not ok
    assert told["error"] == "unknown_tool"


@pytest.mark.django_db
def test_a_model_that_cannot_use_tools_is_offered_none() -> None:
    spec = catalog.get("demo")
    assert [tool.spec.name for tool in tools.offered(None, spec)] == [
        "get_weather",
        "create_document",
        "update_document",
        "request_suggestions",
    ]
    assert [tool.spec.name for tool in tools.offered(["get_weather"], spec)] == ["get_weather"]
    assert tools.offered([], spec) == ()
    assert tools.offered(None, replace(spec, abilities=frozenset())) == ()
