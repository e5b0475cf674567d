from __future__ import annotations

import pytest
from django.contrib.admin.sites import site
from django.test import RequestFactory

from providers.admin import ModelOverrideForm
from providers.models import ModelOverride

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_overrides")]


def form(**data: object) -> ModelOverrideForm:
    return ModelOverrideForm({"model_id": "demo", "enabled": "on", **data})


def test_prices_are_written_in_dollars_and_kept_as_integers() -> None:
    row = form(input_price="0.15", output_price="0.6").save()
    assert (row.input_price, row.output_price, row.cached_price) == (150_000_000, 600_000_000, None)
    assert 'value="0.15"' in str(ModelOverrideForm(instance=row)["input_price"])


@pytest.mark.parametrize(
    "prices", [{"input_price": "1"}, {"cached_price": "1"}, {"input_price": "-1", "output_price": "1"}]
)
def test_half_a_price_is_refused(prices: dict[str, str]) -> None:
    assert not form(**prices).is_valid()


def test_only_models_of_the_catalog_can_be_chosen() -> None:
    assert not form(model_id="openai/none-such").is_valid()


def test_the_list_shows_prices(admin_user: object) -> None:
    ModelOverride.objects.create(model_id="demo", input_price=1_250_000_000, output_price=0)
    page = site.get_model_admin(ModelOverride)
    request = RequestFactory().get("/")
    request.user = admin_user  # type: ignore[assignment]  # what the middleware sets
    row = page.get_queryset(request).get()
    assert (page.input_usd(row), page.output_usd(row), page.cached_usd(row)) == ("1.25", "0", "–")  # type: ignore[attr-defined]  # our own class
