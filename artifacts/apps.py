from __future__ import annotations

from django.apps import AppConfig


class ArtifactsConfig(AppConfig):
    """Documents, their versions and the tools that write them."""

    name = "artifacts"

    def ready(self) -> None:
        from accounts import registry
        from artifacts import documents

        registry.on_merge(documents.move)
