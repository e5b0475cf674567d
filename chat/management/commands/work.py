from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chat import server
from chat.runs.engine import queued


class Command(BaseCommand):
    help = "Writes answers in a process of its own. Needs PostgreSQL; on SQLite `serve` does it."
    requires_system_checks = "__all__"

    def handle(self, *args: Any, **options: Any) -> None:
        if not queued():
            raise CommandError("On SQLite `manage.py serve` writes the answers itself. Set DATABASE_URL for workers.")
        server.work()
