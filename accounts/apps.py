from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, tenants and who may do what."""

    name = "accounts"

    def ready(self) -> None:
        from accounts import checks, logins  # noqa: F401  (they register themselves)
