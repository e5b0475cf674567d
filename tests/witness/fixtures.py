"""Import `witness` into a conftest to have the witness in tests: one process for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .client import WitnessClient, process


@pytest.fixture(scope="session")
def witness() -> Iterator[WitnessClient]:
    """Call `witness.reset()` first where counts matter, or filter by model, user or a marker in the prompt."""
    with process() as client:
        yield client
