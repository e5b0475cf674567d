from __future__ import annotations

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Chats, messages, pages, sockets, and the run engine."""

    name = "chat"

    def ready(self) -> None:
        from accounts import registry
        from chat import checks, merge  # noqa: F401  (checks register themselves)

        registry.on_merge(merge.move)
