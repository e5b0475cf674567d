"""`manage.py start`: what `make run` does once everything is installed, in one process.

Migrate, seed, serve: three commands of their own would cost three start-ups of Django. Production runs
`manage.py migrate` as its release step and `manage.py serve`.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from chat.management.commands import seed


class Command(BaseCommand):
    help = "Bring the database up to date, fill it with demo data the first time, and serve. For development."
    # `serve` checks before it listens; once is enough.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError(
                "start is for development. In production run `manage.py migrate`, then `manage.py serve`."
            )
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stdout.write("· Database")
            call_command("migrate", interactive=False, verbosity=0)
        if not seed.is_filled():
            _, password = seed.fill(timezone.now())
            self.stdout.write("· Demo data")
            self.stdout.write(f"  log in as {seed.EMAIL} with {password}, or chat at once as a guest")
            self.stdout.write("  (`.venv/bin/python manage.py seed` gives a new password)")
        connection.close()
        call_command("serve", skip_checks=False)
