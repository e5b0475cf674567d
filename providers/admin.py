"""Switch models on and off, reprice and relabel them, without a deploy."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.admin import RuledAdmin
from providers import catalog
from providers.models import ModelOverride
from providers.specs import NANO

if TYPE_CHECKING:
    # Generic only in the stubs.
    OverrideForm = forms.ModelForm[ModelOverride]
else:
    OverrideForm = forms.ModelForm

_PRICES = ("input_price", "output_price", "cached_price")


class DollarsField(forms.DecimalField):
    """USD per million tokens for people, nano-USD in the table."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=1_000_000, decimal_places=9, required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return _dollars(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        amount = super().clean(value)
        return None if amount is None else int(amount * NANO)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(self.prepare_value(initial), data))


class ModelOverrideForm(OverrideForm):
    model_id = forms.ChoiceField(label=_("model"))
    input_price = DollarsField(
        label=_("input price"), help_text=_("USD per million tokens; empty keeps the catalog's price")
    )
    output_price = DollarsField(label=_("output price"), help_text=_("USD per million tokens"))
    cached_price = DollarsField(
        label=_("cached input price"), help_text=_("USD per million tokens; empty means the input price")
    )

    class Meta:
        model = ModelOverride
        fields = ("model_id", "enabled", "label", *_PRICES)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = {spec_id: f"{spec.label} ({spec_id})" for spec_id, spec in catalog.present().items()}
        if self.instance.pk:
            known.setdefault(self.instance.model_id, self.instance.model_id)
        self.fields["model_id"].choices = list(known.items())  # type: ignore[attr-defined]  # a ChoiceField above


@admin.register(ModelOverride)
class ModelOverrideAdmin(RuledAdmin):
    staff_may = ("view", "change", "add", "delete")
    form = ModelOverrideForm
    list_display = ("model_id", "enabled", "label", "input_usd", "output_usd", "cached_usd", "updated_at")
    list_editable = ("enabled",)
    list_filter = ("enabled",)
    search_fields = ("model_id", "label")
    # Every change goes through save() and delete(), which make it known at once.
    actions = None

    @admin.display(description=_("input, USD per million"), ordering="input_price")
    def input_usd(self, row: ModelOverride) -> str:
        return _shown(row.input_price)

    @admin.display(description=_("output, USD per million"), ordering="output_price")
    def output_usd(self, row: ModelOverride) -> str:
        return _shown(row.output_price)

    @admin.display(description=_("cached input, USD per million"), ordering="cached_price")
    def cached_usd(self, row: ModelOverride) -> str:
        return _shown(row.cached_price)


def _shown(nano: int | None) -> str:
    return "–" if nano is None else _dollars(nano)


def _dollars(nano: int) -> str:
    return f"{(Decimal(nano) / NANO).normalize():f}"
