"""A database that answers and does not let us write: locked, read-only, or being changed under the answers."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from chat.models import Run, RunEvent
from tests.faults.crowds import OpenReader, crowd_of, ends_of, readers_of
from tests.faults.invariants import ask_database, check_invariants
from tests.faults.models import openai
from tests.faults.stack import NAME, Stack
from tests.witness.client import WitnessClient

LONG = openai("w-stamps-tokens200-rate20")
SHORT = openai("w-tokens5")
HELD_S = 8  # longer than a lease, and than SQLite waits for a lock


@contextmanager
def _locked() -> Iterator[None]:
    """Somebody else's transaction holds what every write needs, as a backup or a careless console does."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        other = sqlite3.connect(settings["NAME"], isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            yield
        finally:
            other.close()
        return
    with _console() as console, console.transaction():
        console.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(sql.Identifier(RunEvent._meta.db_table)))
        yield


@contextmanager
def _read_only() -> Iterator[None]:
    """As on a standby that has not taken over yet: connections are cut, new ones may only read."""
    name = sql.Identifier(str(connection.settings_dict["NAME"]))
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
    with _console(autocommit=True) as console:
        console.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        try:
            console.execute(cut, [NAME])
            yield
        finally:
            console.execute("SET default_transaction_read_only = off")
            console.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
            console.execute(cut, [NAME])


def _console(*, autocommit: bool = False) -> psycopg.Connection:
    settings = connection.settings_dict
    return psycopg.connect(
        host=settings["HOST"] or "127.0.0.1",
        port=settings["PORT"] or 5432,
        user=settings["USER"],
        password=settings["PASSWORD"] or None,
        dbname=settings["NAME"],
        autocommit=autocommit,
    )


@contextmanager
def _in_a_thread(fault: Callable[[], object]) -> Iterator[None]:
    """The fault's connection lives in one thread, and the readers' loop goes on."""
    begun, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with fault():  # type: ignore[attr-defined]  # a context manager
            begun.set()
            enough.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert begun.wait(20), "the fault did not happen"
        yield
    finally:
        enough.set()
        thread.join(20)


@pytest.mark.parametrize("fault", [_locked, pytest.param(_read_only, marks=pytest.mark.postgresql)])
async def test_answers_wait_until_the_database_takes_them_and_lose_nothing(
    fault: Callable[[], object], stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    crowd = await crowd_of(open_reader, 6, LONG)
    with _in_a_thread(fault):
        await asyncio.sleep(1)
        before = await ask_database(RunEvent.objects.count)
        await asyncio.sleep(HELD_S - 1)
        assert await ask_database(RunEvent.objects.count) == before, "the fault let writes through"
    assert {end.status for end in await ends_of(crowd)} == {"complete"}
    late = await open_reader()
    assert (await late.over((await late.ask(SHORT))["runs"][0]["id"])).status == "complete"
    await check_invariants(stack, witness, late, *readers_of(crowd))


async def test_a_migration_in_mid_stream_is_not_noticed(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    crowd = await crowd_of(open_reader, 6, LONG)
    await ask_database(_alter, "ADD COLUMN of_a_later_version integer NULL")
    try:
        late = await open_reader()
        asked = (await late.ask(SHORT))["runs"][0]["id"]
        assert (await late.over(asked)).status == "complete"
        assert {end.status for end in await ends_of(crowd)} == {"complete"}
    finally:
        await ask_database(_alter, "DROP COLUMN of_a_later_version")
    assert (await late.over((await late.ask(SHORT))["runs"][0]["id"])).status == "complete"
    await check_invariants(stack, witness, late, *readers_of(crowd))


def _alter(change: str) -> None:
    with connection.cursor() as cursor:
        for table in (Run._meta.db_table, RunEvent._meta.db_table):
            cursor.execute(f"ALTER TABLE {connection.ops.quote_name(table)} {change}")
