"""The engine's own threads to the database.

asgiref would run every hop in the one thread that all of Django shares, and reconnect on the way. Here
a few threads keep their connections: on SQLite one that writes (it has one writer anyway) and one that
reads beside it, on PostgreSQL a handful. Those are not of Django's pool: after an outage it looks for the
database ever more rarely, and a worker that stays silent for seconds longer than the others loses its runs.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, InterfaceError, InternalError, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

# A process that is frozen in the middle of a transaction keeps its locks, and nobody could settle its runs. After so
# long PostgreSQL ends the transaction; well before a lease is over.
IDLE_MAX_MS: Final = 4_000
TOGETHER: Final = 32  # a transaction of so many sends takes some 45 ms; a beat may have to wait for it

# What a database raises when it is away, busy, restarting or read-only (a standby that takes over), as opposed to
# when we asked nonsense.
AWAY = (OperationalError, InterfaceError, InternalError)


def pass_over(error: Error) -> None:
    """For loops that have to outlive whatever a database raises; a schema that is not ours yet is said, not fatal."""
    if not isinstance(error, AWAY):
        logger.error("database refused", exc_info=error)


class Database:
    def __init__(self) -> None:
        self._connections: list[BaseDatabaseWrapper] = []
        self._waiting: dict[Any, list[tuple[Any, asyncio.Future[Any]]]] = {}
        self._serving: dict[Any, asyncio.Task[None]] = {}
        if settings.DATABASE_IS_SQLITE:
            self._writer, self._reader = self._threads(1, "engine-write"), self._threads(1, "engine-read")
        else:
            self._writer = self._reader = self._threads(settings.DATABASE_THREADS, "engine")

    async def write(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a synchronous database function that writes. Raises what it raises."""
        return await self._run(self._writer, function, *args, **kwargs)

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one that only reads: it never waits for a write on SQLite."""
        return await self._run(self._reader, function, *args, **kwargs)

    async def together(self, function: Callable[[Sequence[T]], Sequence[R | Exception]], item: T) -> R:
        """What `function`, which writes, has for `item` in the place that `item` has among what it is given: all that
        came while the writer was busy, at most TOGETHER. An exception in that place is raised.

        Only on SQLite, whose one writer is what they wait for. On PostgreSQL they run side by side, each alone: one
        transaction for many people would hold the locks of all of them.
        """
        if self._writer is self._reader:
            [result] = await self.write(function, [item])
            if isinstance(result, Exception):
                raise result
            return result
        mine: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(function, []).append((item, mine))
        if function not in self._serving:
            self._serving[function] = asyncio.create_task(self._serve(function), name="together")
        return await mine

    async def _serve(self, function: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
        """Until nobody waits for `function`. In between others may write."""
        while waiting := self._waiting.pop(function, []):
            batch, self._waiting[function] = waiting[:TOGETHER], waiting[TOGETHER:]
            results: Sequence[Any]
            try:
                results = await self.write(function, [item for item, _ in batch])
            except Exception as exc:  # Whoever waits raises it.
                results = [exc] * len(batch)
            for (_, theirs), result in zip(batch, results, strict=True):
                if theirs.done():
                    continue  # whoever asked has gone
                if isinstance(result, Exception):
                    theirs.set_exception(result)
                else:
                    theirs.set_result(result)
        del self._serving[function]

    async def close(self) -> None:
        await asyncio.gather(*self._serving.values())
        for executor in {self._writer, self._reader}:
            await asyncio.to_thread(executor.shutdown)
        for kept in self._connections:
            kept.inc_thread_sharing()  # its own thread is gone
            await asyncio.to_thread(kept.close)

    def _threads(self, number: int, name: str) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(number, name, initializer=self._keep_connection)

    def _keep_connection(self) -> None:
        kept = connections[DEFAULT_DB_ALIAS]
        options = {name: value for name, value in kept.settings_dict["OPTIONS"].items() if name != "pool"}
        if kept.vendor == "postgresql":
            options.setdefault("options", f"-c idle_in_transaction_session_timeout={IDLE_MAX_MS}")
        kept.settings_dict = {**kept.settings_dict, "OPTIONS": options}
        self._connections.append(kept)

    async def _run(
        self, executor: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            executor, context.run, partial(_kept_connection, partial(function, *args, **kwargs))
        )


def _kept_connection(function: Callable[[], T]) -> T:
    try:
        return function()
    except AWAY:
        # The connection may be dead. The next call opens another one.
        connection.close()
        raise
