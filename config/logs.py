"""Logs as JSON lines, with ids from the context and without secrets.

Call sites pass a constant message and fields: `logger.info("run finished", extra={"run": …, "ms": …})`.
Prompts, answers, keys and cookies are never passed; `redact` is the net below that rule.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Any

import orjson

from config import context

_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {
    *("message", "asctime", "taskName"),
    *("litellm_redacted", "color_message"),  # what libraries put on every line for themselves
}
_SECRETS = re.compile(
    r"""(?xi)
    (\b(?:sk|pk|rk|xai|gsk|pl)[-_][A-Za-z0-9_-]{4,}?)   # provider keys and ours: keep the first characters
    [A-Za-z0-9_-]{4,}([A-Za-z0-9_-]{4})\b
    | (\bAIza)[A-Za-z0-9_-]{20,}([A-Za-z0-9_-]{4})\b
    | (\bBearer\s+)[A-Za-z0-9._~+/=-]+()
    | (\b(?:sessionid|csrftoken|visitor)=)[^;\s"]+()
    | ((?:postgres(?:ql)?|rediss?|https?)://[^:/@\s]*:)[^@\s]+(@)
    """
)


def redact(text: str) -> str:
    """`text` with everything that looks like a credential shortened to `sk-ab…wxyz`."""
    return _SECRETS.sub(
        lambda m: "".join((g or "") + ("…" if i % 2 == 0 and g else "") for i, g in enumerate(m.groups())), text
    )


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, variable in (("request", context.request_id), ("tenant", context.tenant_id), ("run", context.run_id)):
            if value := variable.get():
                line[name] = value
        line.update(
            (k, v) for k, v in vars(record).items() if k not in _STANDARD and not k.startswith("_") and k != "request"
        )
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return redact(orjson.dumps(line, default=str).decode())
