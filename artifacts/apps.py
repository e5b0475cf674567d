from __future__ import annotations

from django.apps import AppConfig


class ArtifactsConfig(AppConfig):
    """Documents, their versions and the tools that write them."""

    name = "artifacts"
