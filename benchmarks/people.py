"""People with a login for a benchmark: `python -m benchmarks.people 200` prints one session key a line.

Run with the DATABASE_URL of the server that will be measured.
"""

from __future__ import annotations

import os
import sys

import django


def main(number: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.conf import settings
    from django.test import Client

    from accounts.models import User
    from billing.models import Plan
    from config.ids import uuid7

    Plan.objects.update(answers_a_day=1_000_000, parallel_runs=10_000)
    for _ in range(number):
        browser = Client()
        browser.force_login(User.objects.create_guest(uuid7()))
        print(browser.cookies[settings.SESSION_COOKIE_NAME].value)


if __name__ == "__main__":
    main(int(sys.argv[1]))
