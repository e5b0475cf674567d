from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from config.errors import ModelUnknown
from providers import catalog, overrides, specs
from providers.models import ModelOverride
from providers.usage import Price

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_overrides")]

Write = Callable[[str], Path]

ENTRY = """
[[model]]
id = "openai/local-llama"
label = "Llama here"
api_base = "http://127.0.0.1:9/v1/"
api_key_env = "LOCAL_KEY"
context = 8192
price = { input = 0.15, output = 0.6, cached_input = 0.075 }
abilities = ["tools", "vision"]
fallbacks = ["demo"]
roles = ["chat", "title"]
plans = ["member"]
"""


def usable(role: str = "chat") -> list[str]:
    return [entry.spec.id for entry in catalog.entries(role=role) if entry.usable]


# --- What ships ------------------------------------------------------------------------------------


def test_every_shipped_model_was_checked_and_can_chat_draw_or_hear() -> None:
    shipped = specs.read(catalog.SHIPPED)
    assert {"openai", "anthropic", "gemini", "xai", "openrouter", "ollama"} == {
        spec.provider for spec in shipped.values()
    }
    assert all(spec.checked and spec.roles for spec in shipped.values())
    assert all(fallback in shipped for spec in shipped.values() for fallback in spec.fallbacks)


def test_without_keys_only_demo_models_can_be_used() -> None:
    assert {name.partition("/")[0] for name in usable()} == {"demo"}
    assert catalog.default().id == "demo"


def test_a_model_without_a_key_is_listed_with_the_reason() -> None:
    [entry] = [entry for entry in catalog.entries() if entry.spec.id == "anthropic/claude-sonnet-4-6"]
    assert not entry.usable
    assert str(entry.reason) == "Add a key for Anthropic."


def test_a_key_makes_a_providers_models_appear(settings: Any) -> None:
    settings.PROVIDER_KEYS = {"anthropic": "sk-ant"}
    assert "anthropic/claude-sonnet-4-6" in usable()
    assert catalog.default().provider == "anthropic"
    assert catalog.get("anthropic/claude-sonnet-4-6").can("tools")


def test_an_own_key_of_the_tenant_does_the_same_for_the_tenant() -> None:
    assert catalog.get("xai/grok-4.3", own_keys={"xai"}).provider == "xai"
    with pytest.raises(ModelUnknown):
        catalog.get("xai/grok-4.3")


def test_usable_providers_come_first_and_demo_after_real_ones(settings: Any) -> None:
    settings.PROVIDER_KEYS = {"xai": "x"}
    order = [group.provider for group in catalog.groups()]
    assert order[:2] == ["xai", "demo"]
    assert [group.label for group in catalog.groups()][:2] == ["xAI", "Demo"]


def test_roles_are_apart(settings: Any) -> None:
    settings.PROVIDER_KEYS = {"openai": "k"}
    assert "openai/gpt-image-2" not in usable("chat")
    assert usable("image") == ["openai/gpt-image-2"]
    found = catalog.for_role("title")
    assert found is not None
    assert found.provider == "openai"


def test_a_provider_alone_means_its_first_chat_model(settings: Any) -> None:
    settings.PROVIDER_KEYS = {"openai": "k"}
    assert catalog.first_of("openai").id.startswith("openai/")
    assert catalog.first_of("demo").id == "demo"
    with pytest.raises(ModelUnknown):
        catalog.first_of("nobody")


@pytest.mark.parametrize("name", ["", "openai/none-such", "demo/none-such", "../etc/passwd", "x" * 10_000])
def test_an_unknown_model_is_refused(name: str) -> None:
    with pytest.raises(ModelUnknown) as caught:
        catalog.get(name, surface="api")
    assert caught.value.code == "model_unknown:api"


def test_parameterised_demo_models_resolve_but_are_not_listed() -> None:
    assert catalog.get("demo/fail@20").id == "demo/fail@20"
    assert "demo/fail@20" not in usable()


# --- MODELS_FILE -----------------------------------------------------------------------------------


def test_the_operators_file_adds_models(models_file: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    models_file(ENTRY)
    monkeypatch.setenv("LOCAL_KEY", "k-1")
    spec = catalog.get("openai/local-llama")
    assert (spec.label, spec.context, spec.fallbacks, spec.roles) == ("Llama here", 8192, ("demo",), ("chat", "title"))
    assert spec.api_base == "http://127.0.0.1:9/v1"
    assert spec.price == Price(150_000_000, 600_000_000, 75_000_000)
    assert spec.abilities == {"tools", "vision"}
    assert spec.open_to("member")
    assert not spec.open_to("guest")
    assert catalog.key_of(spec) == "k-1"
    assert catalog.default() == spec


def test_its_models_need_the_key_they_name(models_file: Write) -> None:
    models_file(ENTRY)
    with pytest.raises(ModelUnknown, match="LOCAL_KEY"):
        catalog.get("openai/local-llama")


def test_a_local_address_needs_no_key_and_gets_none(models_file: Write, settings: Any) -> None:
    settings.PROVIDER_KEYS = {"openai": "sk-house"}
    models_file('[[model]]\nid = "openai/x"\napi_base = "http://localhost:1"')
    assert catalog.key_of(catalog.get("openai/x")) == ""


def test_an_entry_replaces_ours_with_the_same_id(models_file: Write, settings: Any) -> None:
    settings.PROVIDER_KEYS = {"openai": "k"}
    models_file('[[model]]\nid = "openai/gpt-4.1"\nlabel = "Mine"')
    spec = catalog.get("openai/gpt-4.1")
    assert (spec.label, spec.price, spec.abilities) == ("Mine", None, frozenset())


def test_any_provider_that_litellm_knows_is_asked_for_its_usual_key(
    models_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    models_file('[[model]]\nid = "together_ai/x"')
    with pytest.raises(ModelUnknown, match="Add a key for Together Ai"):
        catalog.get("together_ai/x")
    monkeypatch.setenv("TOGETHER_AI_API_KEY", "k")
    assert catalog.key_of(catalog.get("together_ai/x")) == "k"


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('id = "gpt-4"', "id"),
        ('id = ""', "id"),
        ("id = 5", "id"),
        ('id = "demo/x"', "id"),
        ('id = "a/b c"', "id"),
        ('label = "x"', "id"),
        ('id = "a/b"\nlabel = ""', "label"),
        ('id = "a/b"\ncontext = 0', "context"),
        ('id = "a/b"\ncontext = "8k"', "context"),
        ('id = "a/b"\ncontext = true', "context"),
        ('id = "a/b"\nprice = 5', "price"),
        ('id = "a/b"\nprice = {input = 1}', "price"),
        ('id = "a/b"\nprice = {input = -1, output = 1}', "price"),
        ('id = "a/b"\nprice = {input = nan, output = 1}', "price"),
        ('id = "a/b"\nprice = {input = inf, output = 1}', "price"),
        ('id = "a/b"\nprice = {input = "1", output = 1}', "price"),
        ('id = "a/b"\nprice = {input = true, output = 1}', "price"),
        ('id = "a/b"\nprice = {input = 1, output = 1, x = 1}', "price"),
        ('id = "a/b"\nabilities = ["flying"]', "abilities"),
        ('id = "a/b"\nabilities = "tools"', "abilities"),
        ('id = "a/b"\nroles = ["king"]', "roles"),
        ('id = "a/b"\nplans = [1]', "plans"),
        ('id = "a/b"\nfallbacks = ["a/none"]', "fallbacks"),
        ('id = "a/b"\napi_base = "ftp://x"', "api_base"),
        ('id = "a/b"\napi_base = "localhost:1"', "api_base"),
        ('id = "a/b"\napi_key_env = "sk-abc"', "api_key_env"),
        ('id = "a/b"\ncolour = "red"', "colour"),
        ('id = "a/b"\n[[model]]\nid = "a/b"', "id"),
    ],
)
def test_an_odd_entry_is_refused_by_file_entry_and_field(line: str, field: str, models_file: Write) -> None:
    path = models_file(f"[[model]]\n{line}")
    with pytest.raises(ImproperlyConfigured) as caught:
        catalog.described()
    assert str(path) in str(caught.value)
    assert "model " in str(caught.value)
    assert f", {field}: " in str(caught.value)


@pytest.mark.parametrize("text", ["[[model]", "model = 5", "[model]\nid = 'a/b'", "[other]\nx = 1"])
def test_a_file_that_is_no_list_of_models_is_refused(text: str, models_file: Write) -> None:
    path = models_file(text)
    with pytest.raises(ImproperlyConfigured, match=path.name):
        catalog.described()


def test_a_missing_file_is_refused(tmp_path: Path, settings: Any) -> None:
    settings.MODELS_FILE = tmp_path / "none.toml"
    with pytest.raises(ImproperlyConfigured, match=r"none\.toml cannot be read"):
        catalog.described()


def test_a_key_in_place_of_a_name_is_not_repeated(models_file: Write) -> None:
    models_file('[[model]]\nid = "a/b"\napi_key_env = "sk-verysecret"')
    with pytest.raises(ImproperlyConfigured) as caught:
        catalog.described()
    assert "verysecret" not in str(caught.value)


def test_the_system_check_names_the_trouble(models_file: Write) -> None:
    models_file('[[model]]\nid = "a/b"\ncontext = -1')
    with pytest.raises(SystemCheckError, match=r"providers\.E001"):
        call_command("check")


# --- Administrators --------------------------------------------------------------------------------


@pytest.fixture
def openai(settings: Any) -> None:
    settings.PROVIDER_KEYS = {"openai": "k"}


@pytest.mark.usefixtures("openai")
def test_a_model_that_is_switched_off_is_gone_and_says_so() -> None:
    ModelOverride.objects.create(model_id="openai/gpt-4.1", enabled=False)
    overrides.forget()
    with pytest.raises(ModelUnknown, match="switched off"):
        catalog.get("openai/gpt-4.1")
    assert "openai/gpt-4.1" not in [entry.spec.id for entry in catalog.entries()]


@pytest.mark.usefixtures("openai")
def test_label_and_price_can_be_changed() -> None:
    ModelOverride.objects.create(model_id="openai/gpt-4.1", label="House model", input_price=1, output_price=2)
    overrides.forget()
    spec = catalog.get("openai/gpt-4.1")
    assert (spec.label, spec.price) == ("House model", Price(1, 2))
    assert spec.can("vision")


def test_a_demo_model_can_be_switched_off_with_its_parameters_apart() -> None:
    ModelOverride.objects.create(model_id="demo/slow", enabled=False)
    overrides.forget()
    with pytest.raises(ModelUnknown):
        catalog.get("demo/slow")
    assert catalog.get("demo/slow@5")


@pytest.mark.usefixtures("openai")
def test_a_change_is_seen_at_once_after_its_commit(django_capture_on_commit_callbacks: Any) -> None:
    catalog.get("openai/gpt-4.1")
    with django_capture_on_commit_callbacks(execute=True):
        row = ModelOverride.objects.create(model_id="openai/gpt-4.1", label="New")
    assert catalog.get("openai/gpt-4.1").label == "New"
    with django_capture_on_commit_callbacks(execute=True):
        row.delete()
    assert catalog.get("openai/gpt-4.1").label == "GPT-4.1"


def test_many_looks_are_one_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        for _ in range(50):
            catalog.get("demo")
            catalog.groups()


@pytest.mark.django_db(transaction=True)
async def test_a_coroutine_never_waits_for_the_database() -> None:
    assert catalog.get("demo").id == "demo"
