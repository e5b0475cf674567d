from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from django.conf import settings


def test_one_module_imports_litellm() -> None:
    importing = {
        path.relative_to(settings.BASE_DIR).as_posix()
        for app in ("config", "accounts", "billing", "providers", "artifacts", "chat", "api")
        for path in Path(settings.BASE_DIR / app).rglob("*.py")
        if re.search(r"^\s*(from|import) litellm", path.read_text(encoding="utf-8"), re.M)
    }
    assert importing == {"providers/gateway.py"}


def test_starting_up_does_not_import_litellm() -> None:
    code = (
        "import sys, django; django.setup(); import providers.registry; "
        "sys.exit(bool({'litellm', 'openai'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env={"DJANGO_SETTINGS_MODULE": "config.settings", "PATH": ""},
        timeout=50,
    )
    assert done.returncode == 0
