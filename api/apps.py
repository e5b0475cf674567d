from __future__ import annotations

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The doors for programs."""

    name = "api"
