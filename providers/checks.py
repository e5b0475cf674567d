"""`manage.py check` (and so `serve`) refuses a MODELS_FILE that cannot be understood."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from providers import catalog


@register()
def models_file(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    try:
        catalog.described()
    except ImproperlyConfigured as exc:
        return [Error(str(exc), hint="Correct the file that MODELS_FILE names.", id="providers.E001")]
    return []
