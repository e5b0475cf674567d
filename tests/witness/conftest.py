from __future__ import annotations

import pytest

from tests.witness.fixtures import witness

__all__ = ["witness"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes seconds, because it imports or measures something big")
