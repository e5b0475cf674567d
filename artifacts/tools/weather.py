"""`get_weather`: what it is like somewhere now and in the next hours, from a service of Open-Meteo's shape."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import httpx
from django.conf import settings
from pydantic import BaseModel, Field, ValidationError

from artifacts.tools.base import Result, Tool, answering, failed
from providers.base import ToolSpec

logger = logging.getLogger(__name__)

_TIMEOUT_S: Final = 5.0
_HOURS: Final = 12

SPEC: Final = ToolSpec(
    name="get_weather",
    description="The current weather at a place and the next twelve hours. Give the place's coordinates.",
    parameters={
        "type": "object",
        "properties": {
            "place": {"type": "string", "description": "Name of the place, as a person would say it."},
            "latitude": {"type": "number", "minimum": -90, "maximum": 90},
            "longitude": {"type": "number", "minimum": -180, "maximum": 180},
        },
        "required": ["place", "latitude", "longitude"],
        "additionalProperties": False,
    },
)

# WMO weather interpretation codes, as Open-Meteo uses them, in the words that the card shows.
_SKIES: Final = {
    0: "clear", 1: "mostly clear", 2: "partly cloudy", 3: "overcast", 45: "fog", 48: "freezing fog",
    51: "light drizzle", 53: "drizzle", 55: "heavy drizzle", 56: "freezing drizzle", 57: "freezing drizzle",
    61: "light rain", 63: "rain", 65: "heavy rain", 66: "freezing rain", 67: "freezing rain",
    71: "light snow", 73: "snow", 75: "heavy snow", 77: "snow grains", 80: "showers", 81: "showers",
    82: "violent showers", 85: "snow showers", 86: "snow showers", 95: "thunderstorm", 96: "hail", 99: "hail",
}  # fmt: skip


class Where(BaseModel):
    place: str = Field("", max_length=200)
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class Now(BaseModel):
    time: str
    temperature_2m: float
    weather_code: int = -1
    wind_speed_10m: float | None = None
    is_day: int = 1


class Hours(BaseModel):
    time: list[str]
    temperature_2m: list[float | None]
    weather_code: list[int | None] = []


class Report(BaseModel):
    """The part of the service's answer that we read; anything else in it is ignored."""

    current: Now
    hourly: Hours


async def get_weather(arguments: Mapping[str, Any]) -> Result:
    try:
        where = Where.model_validate(arguments)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        return failed("bad_arguments", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    query: dict[str, str | float | int] = {
        "latitude": where.latitude,
        "longitude": where.longitude,
        "current": "temperature_2m,weather_code,wind_speed_10m,is_day",
        "hourly": "temperature_2m,weather_code",
        "forecast_hours": _HOURS,
        "timezone": "auto",
    }
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
            answer = await client.get(settings.WEATHER_URL, params=query)
            answer.raise_for_status()
            report = Report.model_validate_json(answer.content)
    except (httpx.HTTPError, ValidationError) as exc:
        logger.info("weather unavailable", extra={"error": type(exc).__name__})
        return failed("unavailable", "The weather service cannot be reached at the moment.")
    return Result(True, _told(where, report))


def _told(where: Where, report: Report) -> dict[str, Any]:
    """Degrees are Celsius, wind is km/h, times are local to the place."""
    hours, skies = report.hourly, report.hourly.weather_code
    return {
        "place": where.place,
        "temperature": report.current.temperature_2m,
        "sky": _SKIES.get(report.current.weather_code, "unknown"),
        "wind": report.current.wind_speed_10m,
        "day": bool(report.current.is_day),
        "time": report.current.time,
        "hours": [
            {
                "time": time,
                "temperature": degrees,
                "sky": _SKIES.get((skies[i] if i < len(skies) else None) or 0, "unknown"),
            }
            for i, (time, degrees) in enumerate(zip(hours.time, hours.temperature_2m, strict=False))
            if degrees is not None
        ][:_HOURS],
    }


TOOL: Final = Tool(SPEC, answering(get_weather))
