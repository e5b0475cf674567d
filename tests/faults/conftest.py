"""One stack for all tests of this folder; what a test broke is put back before the next one."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from django.core.management import call_command
from django.db import connection, connections

from tests.faults.crowds import OpenReader
from tests.faults.people import people
from tests.faults.reader import Person, Reader
from tests.faults.stack import Stack
from tests.witness.client import WitnessClient
from tests.witness.fixtures import witness

__all__ = ["witness"]

# Faults take their time: leases, timeouts and processes that start.
TIMEOUT_S = 150
LOG = 6000  # characters of a log that are shown


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the processes said last, under the test that failed."""
    report = yield
    site = getattr(item, "funcargs", {}).get("site")
    if report.failed and isinstance(site, Stack):
        report.sections += [(f"log of {one.name}", one.log[-LOG:]) for one in site.processes]
    return report


@pytest.fixture(scope="package")
def site(django_db_setup: None, django_db_blocker: Any, witness: WitnessClient) -> Iterator[Stack]:
    """The running stack, on the database of the tests. Its rows stay until the last test here is over."""
    with django_db_blocker.unblock(), tempfile.TemporaryDirectory(prefix="polylogue-faults-") as folder:
        with Stack(_database_url(), Path(folder), witness.url, env=SHORT) as running:
            connections.close_all()
            yield running
        call_command("flush", interactive=False, verbosity=0)
        connections.close_all()


# What takes a minute for people takes seconds here.
SHORT = {"FIRST_TOKEN_TIMEOUT_S": "14", "IDLE_TIMEOUT_S": "12", "TOTAL_TIMEOUT_S": "90", "DRAIN_GRACE_S": "8"}


@pytest.fixture
def db(site: Stack) -> None:
    """Nothing is rolled back here: the processes have to see what a test makes."""


@pytest.fixture
def stack(db: None, site: Stack) -> Stack:
    site.ensure()
    return site


@pytest_asyncio.fixture
async def open_reader(stack: Stack) -> AsyncIterator[OpenReader]:
    """`reader = await open_reader()` is the page of somebody new, `open_reader(person)` another one of theirs."""
    async with AsyncExitStack() as readers:

        async def opened(person: Person | None = None, *, resume: bool = True, at: str | None = None) -> Reader:
            who = person or (await people(1))[0]
            return await readers.enter_async_context(Reader([at] if at else stack.addresses, who, resume=resume))

        yield opened


def _database_url() -> str:
    settings = connection.settings_dict
    assert "test" in Path(str(settings["NAME"])).name, "only a test database is filled and flushed"
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    password = f":{settings['PASSWORD']}" if settings["PASSWORD"] else ""
    host, port = settings["HOST"] or "127.0.0.1", settings["PORT"] or 5432
    return f"postgres://{settings['USER']}{password}@{host}:{port}/{settings['NAME']}"
