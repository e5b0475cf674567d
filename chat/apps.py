from __future__ import annotations

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Chats, messages, pages, sockets, and the run engine."""

    name = "chat"

    def ready(self) -> None:
        from accounts import registry
        from artifacts import documents
        from chat import checks, merge  # noqa: F401  (checks register themselves)
        from chat.runs.engine import engine

        registry.on_merge(merge.move)
        documents.on_change(lambda owner, told: engine.notify(owner, {"kind": "document.changed", **told}))
