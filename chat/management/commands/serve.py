from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from chat import server


class Command(BaseCommand):
    help = "Serves pages, sockets and, in the one-process mode, the answers themselves."
    # A server with a hole in its rules does not start.
    requires_system_checks = "__all__"

    def handle(self, *args: Any, **options: Any) -> None:
        if status := server.serve():
            sys.exit(status)
