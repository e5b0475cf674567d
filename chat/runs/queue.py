"""The queue of the scaled mode: Procrastinate brings a run to a worker process.

A job says only "look at these runs". The run's row is the truth, so a job that comes twice, late or never
does no harm: claiming is conditional, and the sweep finds what no job brought. Jobs are written in the
message's own transaction. There is nothing to retry; finished jobs are deleted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import UUID

from procrastinate import PsycopgConnector
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params

logger = logging.getLogger(__name__)

QUEUE: Final = "runs"
# Procrastinate 3.10 misses a NOTIFY that arrives while it fetches (2–3 % of jobs), so it also polls.
_POLL_S: Final = 0.1
_FETCHERS: Final = 8

_take: Callable[[Iterable[UUID]], None] | None = None


@app.task(name="chat.look", queue=QUEUE)
async def look(run_ids: list[str]) -> None:
    if _take is not None:
        _take(UUID(run_id) for run_id in run_ids)


def put(run_ids: Iterable[UUID]) -> None:
    """Queue runs in the current transaction."""
    look.defer(run_ids=[str(run_id) for run_id in run_ids])


async def work(take: Callable[[Iterable[UUID]], None], name: str) -> None:
    """Fetch jobs until cancelled and hand their runs to `take`."""
    global _take
    _take = take
    params: dict[str, Any] = connector_params()
    connector = PsycopgConnector(kwargs=params, min_size=1, max_size=3)
    async with app.with_connector(connector).open_async() as running:
        await running.run_worker_async(
            queues=[QUEUE],
            name=name,
            concurrency=_FETCHERS,
            fetch_job_polling_interval=_POLL_S,
            delete_jobs="always",
            install_signal_handlers=False,
            shutdown_graceful_timeout=1,
        )


async def keep_working(take: Callable[[Iterable[UUID]], None], name: str, pause_s: float = 1.0) -> None:
    """`work`, again after every failure of the database, until cancelled."""
    while True:
        try:
            await work(take, name)
        except Exception as exc:
            logger.warning("queue unreachable", extra={"error": type(exc).__name__})
        await asyncio.sleep(pause_s)
