"""A running engine in the test's own loop, on the database of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from accounts.models import User
from chat.runs.engine import Engine, Role, engine, queued
from tests.chat.tab import Tab, logged_in


@pytest_asyncio.fixture
async def running_engine(transactional_db: None) -> AsyncIterator[Engine]:
    """The process's engine in this loop; in the scaled mode a worker beside it. What still runs at the end is cut."""
    if not queued():
        await engine.start(Role.BOTH)
        yield engine
        await engine.stop(grace_s=0)
        return
    worker = Engine()
    await worker.start(Role.WORK)
    await engine.start(Role.WEB)
    yield engine
    await engine.stop(grace_s=0)
    await worker.stop(grace_s=0)


@pytest_asyncio.fixture
async def open_tab(running_engine: Engine) -> AsyncIterator[Callable[[User], object]]:
    """`tab = await open_tab(ada)`: a connected tab of that person, closed at the end of the test."""
    async with AsyncExitStack() as tabs:

        async def opened(user: User) -> Tab:
            return await tabs.enter_async_context(Tab(await logged_in(user)))

        yield opened


@pytest.fixture(autouse=True)
def _no_rate_limit(settings: object) -> None:
    """Tests ask faster than people; the limit has its own tests."""
    settings.RATE_LIMIT_MESSAGES = "100000/m"  # type: ignore[attr-defined]  # pytest-django's wrapper
