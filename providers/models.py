"""What an administrator decided about a model, over the catalog's files."""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from providers import overrides
from providers.usage import Price


class ModelOverride(models.Model):
    """Prices are nano-USD per million tokens; empty fields leave what the catalog's file says."""

    model_id = models.CharField(_("model"), max_length=200, unique=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    label = models.CharField(_("label"), max_length=200, blank=True)
    input_price = models.PositiveBigIntegerField(_("input price"), null=True, blank=True)
    output_price = models.PositiveBigIntegerField(_("output price"), null=True, blank=True)
    cached_price = models.PositiveBigIntegerField(_("cached input price"), null=True, blank=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("model setting")
        verbose_name_plural = _("model settings")
        ordering = ["model_id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(input_price__isnull=True, output_price__isnull=True, cached_price__isnull=True)
                | Q(input_price__isnull=False, output_price__isnull=False),
                name="providers_price_is_whole",
                violation_error_message=_("A price needs both input and output."),
            )
        ]

    def __str__(self) -> str:
        return self.model_id

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        transaction.on_commit(overrides.forget)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        result = super().delete(*args, **kwargs)
        transaction.on_commit(overrides.forget)
        return result

    def price(self) -> Price | None:
        if self.input_price is None or self.output_price is None:
            return None
        return Price(self.input_price, self.output_price, self.cached_price)
