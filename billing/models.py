"""Plans, windows and the holds that runs have on them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Plan(models.Model):
    """What a kind of person may use. Guests and members each have one; operators change the numbers in the admin."""

    name = models.SlugField(_("name"), primary_key=True)
    label = models.CharField(_("label"), max_length=60)
    answers_a_day = models.PositiveIntegerField(_("answers a day"))
    parallel_runs = models.PositiveIntegerField(_("answers written at once"))

    class Meta:
        verbose_name, verbose_name_plural = _("plan"), _("plans")

    def __str__(self) -> str:
        return self.label


class Window(models.Model):
    """So much of something for one account between two moments. Its bounds stay as they were when it opened."""

    class Kind(models.TextChoices):
        MESSAGES_DAY = "messages_day", _("answers a day")
        PARALLEL = "parallel", _("answers written at once")

    account = models.UUIDField(_("account"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    opens_at = models.DateTimeField(_("opens"))
    renews_at = models.DateTimeField(_("renews"), null=True)  # never, for what is only held
    used = models.PositiveBigIntegerField(_("used"), default=0)
    reserved = models.PositiveBigIntegerField(_("reserved"), default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("window"), _("windows")
        constraints = [models.UniqueConstraint(fields=["account", "kind", "opens_at"], name="window_opens_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.used} + {self.reserved}"


class Hold(models.Model):
    """What one run has reserved in one window, until its end is known."""

    run = models.UUIDField()
    window = models.ForeignKey(Window, models.CASCADE, related_name="holds")
    amount = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "window"], name="hold_once_per_run_and_window")]
        indexes = [models.Index(fields=["created_at"], name="hold_age")]

    def __str__(self) -> str:
        return f"{self.run}: {self.amount}"
