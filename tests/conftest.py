"""What every test has: its own stores, closed doors to the outside, fresh counters, and the cast.

The stores are SQLite in a temporary folder, or PostgreSQL and Redis where DATABASE_URL and REDIS_URL say
so. Every process of a parallel run gets its own, and two test runs on one machine do not meet.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from hypothesis import settings as hypothesis_settings

from accounts import limits
from accounts.actors import Actor
from accounts.models import User
from billing import plans
from chat.models import Chat
from config import translations
from providers import overrides
from tests import cast

# A slow machine is no bug; the time limit of the test itself is what counts.
hypothesis_settings.register_profile("default", deadline=None, print_blob=True)
hypothesis_settings.load_profile("default")

_folder = pytest.StashKey[Path]()


# --- Stores ----------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    folder = config.stash[_folder] = Path(tempfile.mkdtemp(prefix="polylogue-test-"))
    settings.MEDIA_ROOT = folder / "media"
    test_database = settings.DATABASES["default"].setdefault("TEST", {})
    test_database["NAME"] = (
        str(folder / "test.sqlite3") if settings.DATABASE_IS_SQLITE else f"test_polylogue_{os.getpid()}"
    )
    if settings.REDIS_URL:
        _use_redis(settings.REDIS_URL.rpartition("/")[0], 8 + _worker_number(config))
    else:  # every test empties the cache, also those that use no database
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    # What a developer's shell offers must not answer in a test.
    settings.PROVIDER_KEYS, settings.OLLAMA_URL, settings.MODELS_FILE = {}, "", None
    if not (settings.BASE_DIR / "build" / "bundle" / ".built").exists():
        # `make test` always builds first, and then a missing file fails as it would in production.
        backend = "django.contrib.staticfiles.storage.StaticFilesStorage"
        settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_folder], ignore_errors=True)


def pytest_report_header() -> str:
    database = "SQLite" if settings.DATABASE_IS_SQLITE else "PostgreSQL"
    return f"stores: {database}, {'Redis' if settings.REDIS_URL else 'no Redis'}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what says something about another store. That is not a skip: it runs where it belongs."""
    elsewhere = {"postgresql"} if settings.DATABASE_IS_SQLITE else {"sqlite", "once"}
    if not settings.REDIS_URL:
        elsewhere.add("redis")
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in elsewhere)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _worker_number(config: pytest.Config) -> int:
    """0, or the number of this process among those of pytest-xdist."""
    worker: str = getattr(config, "workerinput", {}).get("workerid", "gw0")
    return int(worker.removeprefix("gw"))


def _use_redis(server: str, number: int) -> None:
    settings.REDIS_URL = f"{server}/{number}"
    layer: dict[str, Any] = settings.CHANNEL_LAYERS["default"]
    layer["CONFIG"]["hosts"] = [settings.REDIS_URL]
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": settings.REDIS_URL}}


# --- Words ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("locale")
    translations.compile_all(folder)
    return folder


@pytest.fixture(scope="module")
def catalogs(_compiled: Path) -> Iterator[None]:
    """The languages as the catalogs of the tree have them, whatever was built."""
    with override_settings(LOCALE_PATHS=[_compiled]):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Before the test database is dropped, sessions that are still closing are ended; PostgreSQL refuses otherwise."""
    yield
    if not settings.DATABASE_IS_SQLITE:
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


# --- Doors -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def _only_localhost() -> Iterator[None]:
    """Connections and names beyond this machine raise, whatever library tries."""

    def refuse(target: object) -> NoReturn:
        raise OSError(f"A test tried to reach {target!r}; only localhost is open.")

    def connecting(original: Callable[..., Any]) -> Callable[..., Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
                refuse(address)
            return original(self, address)

        return connect

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host and not _is_local(host):
            refuse(host)
        return getaddrinfo(host, *args, **kwargs)

    getaddrinfo = socket.getaddrinfo
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connecting(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", connecting(socket.socket.connect_ex))
        patch.setattr(socket, "getaddrinfo", resolve)
        yield


def _is_local(host: str | bytes) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {"", "localhost", socket.gethostname()}:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback or ipaddress.ip_address(name).is_unspecified
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def _fresh_counters() -> None:
    """No test inherits what another one used up, or what was read of a database that is rolled back since."""
    limits._limiter.cache_clear()
    cache.clear()
    plans.forget()
    overrides.forget()


# --- The cast --------------------------------------------------------------------------------------


@pytest.fixture
def ada(db: None) -> User:
    """Owns everything that tests ask about."""
    return cast.member("ada@example.org", name="Ada")


@pytest.fixture
def grace(ada: User) -> User:
    """Shares Ada's tenant."""
    return cast.colleague(ada, "grace@example.org", name="Grace")


@pytest.fixture
def eve(db: None) -> User:
    """A stranger."""
    return cast.member("eve@example.org", name="Eve")


@pytest.fixture
def guest(db: None) -> User:
    """Has no account."""
    return cast.guest()


@pytest.fixture
def suspended(db: None) -> User:
    """Was switched off by the staff."""
    return cast.member("sam@example.org", name="Sam", is_active=False)


@pytest.fixture
def staff(db: None) -> User:
    """May open the admin, and nothing in it until somebody gives permissions."""
    return cast.member("stella@example.org", name="Stella", is_staff=True)


@pytest.fixture
def browser(db: None) -> Callable[..., Client]:
    """`browser(ada)` is Ada's logged-in browser, `browser()` a visitor's."""
    return cast.browser


@pytest.fixture
def actor_of(db: None) -> Callable[[User], Actor]:
    """`actor_of(ada)` is Ada as domain functions see her, with a login of her own."""
    return cast.actor_of


@pytest.fixture
def make_chat(db: None) -> Callable[..., Chat]:
    """`make_chat(owner=ada, models=["demo"])` is a chat with one question and one answer a model."""
    return cast.make_chat
