"""Which request, tenant and run the current code works for: read by logs and by error answers."""

from __future__ import annotations

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
tenant_id: ContextVar[str] = ContextVar("tenant_id", default="")
run_id: ContextVar[str] = ContextVar("run_id", default="")
