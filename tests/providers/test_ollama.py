from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from config.errors import ModelUnknown
from providers import catalog, ollama
from providers.usage import FREE
from tests.witness.client import WitnessClient

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_overrides"), pytest.mark.once]


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    ollama._known.clear()
    yield
    ollama._known.clear()


def heard(url: str) -> ollama.Installed:
    deadline = time.monotonic() + 5
    while not (known := ollama.installed(url)).asked:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return known


def test_asking_never_waits(settings: Any) -> None:
    settings.OLLAMA_URL = "http://127.0.0.1:1"
    start = time.monotonic()
    catalog.groups()
    assert time.monotonic() - start < 2
    heard(settings.OLLAMA_URL)


def test_installed_models_appear_and_cost_nothing(settings: Any, witness: WitnessClient) -> None:
    settings.OLLAMA_URL = witness.ollama_base
    names = heard(settings.OLLAMA_URL).names
    assert names
    spec = catalog.get(f"ollama/{names[0].removesuffix(':latest')}")
    assert spec.price == FREE


def test_a_model_that_is_not_installed_says_how_to_get_it(settings: Any, witness: WitnessClient) -> None:
    settings.OLLAMA_URL = witness.ollama_base
    heard(settings.OLLAMA_URL)
    with pytest.raises(ModelUnknown, match="ollama pull gpt-oss"):
        catalog.get("ollama/gpt-oss")


def test_an_ollama_that_does_not_answer_is_a_reason(settings: Any) -> None:
    settings.OLLAMA_URL = "http://127.0.0.1:1"
    heard(settings.OLLAMA_URL)
    with pytest.raises(ModelUnknown, match="Ollama does not answer"):
        catalog.get("ollama/llama3.2")


def test_without_an_address_there_is_no_ollama() -> None:
    with pytest.raises(ModelUnknown, match="OLLAMA_URL"):
        catalog.get("ollama/llama3.2")
