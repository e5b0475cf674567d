"""People and the workspaces they act in.

A guest is a user without an e-mail address; signing up fills in the same row, so nothing has to move.
Everybody has a personal tenant (`User.home`) and may belong to others through `Membership`.
"""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models, transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.ids import uuid7


class Tenant(models.Model):
    """A workspace: one person's, or a team's. Everything that belongs to somebody belongs to one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=120)
    active = models.BooleanField(_("active"), default=True)
    personal = models.BooleanField(_("personal"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("tenant"), _("tenants")

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())

    def create_guest(self, visitor: UUID) -> User:
        """A person without an account, reached again by the id in their signed visitor cookie.

        No password is hashed: 100 ms of work would be a gift to whoever farms guests.
        """
        return self._create(kind=User.Kind.GUEST, visitor=visitor, password="!")  # noqa: S106  (the mark of no password)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = User(email=email.lower(), kind=User.Kind.MEMBER, **fields)
        user.set_password(password)
        return self._create(user)

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    @transaction.atomic
    def _create(self, user: User | None = None, **fields: Any) -> User:
        user = user or User(**fields)
        user.settle_in()
        return user


class User(AbstractBaseUser, PermissionsMixin):
    class Kind(models.TextChoices):
        GUEST = "guest", _("guest")
        MEMBER = "member", _("member")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.MEMBER)
    email = models.EmailField(_("e-mail address"), unique=True, null=True, blank=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    home = models.ForeignKey(
        Tenant, models.PROTECT, related_name="+", verbose_name=_("personal tenant"), editable=False
    )
    visitor = models.UUIDField(null=True, unique=True, editable=False)
    # Under which the books know this person. Deleting the row drops the only link between the two.
    account = models.UUIDField(default=uuid7, unique=True, editable=False)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Switch off to suspend: every session and stream ends within a second.")
    )
    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("May use the admin pages."))
    auth_epoch = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("Raised to end every login of this person at once.")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name, verbose_name_plural = _("user"), _("users")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="guest", email__isnull=True) | models.Q(kind="member", email__isnull=False),
                name="user_members_have_an_address",
            ),
        ]

    def __str__(self) -> str:
        return self.email or f"guest {str(self.id)[-6:]}"

    @property
    def is_guest(self) -> bool:
        return self.kind == self.Kind.GUEST

    def settle_in(self) -> None:
        """Save a new person together with their personal tenant. Needs a transaction."""
        self.home = Tenant.objects.create(name=self.email or gettext("Guest"))
        self.save()
        Membership.objects.create(user=self, tenant=self.home, role=Membership.Role.OWNER)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new password ends every login of the old one, whoever sets it: a form, the admin, a command."""
        typed = getattr(self, "_password", None)  # Django keeps it from set_password to save
        replaced = typed is not None and not self._state.adding and self._had_password()
        super().save(*args, **kwargs)
        if replaced:
            self.end_all_logins()

    def _had_password(self) -> bool:
        """Not so a guest who signs up: their login goes on."""
        return is_password_usable(User.objects.filter(pk=self.pk).values_list("password", flat=True).first() or "!")

    def become_member(self, email: str) -> None:
        """Turn this guest into a member, in place. The caller sets the password and saves.

        The visitor id goes, or whoever holds the old cookie could enter the account with it.
        """
        self.kind, self.email, self.visitor = self.Kind.MEMBER, email.lower(), None

    def end_all_logins(self) -> None:
        """Log this person out everywhere: sessions refuse, sockets close within a second."""
        User.objects.filter(pk=self.pk).update(auth_epoch=models.F("auth_epoch") + 1)
        self.refresh_from_db(fields=["auth_epoch"])


class Membership(models.Model):
    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        ADMIN = "admin", _("admin")
        MEMBER = "member", _("member")

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", verbose_name=_("user"))
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="memberships", verbose_name=_("tenant"))
    role = models.CharField(_("role"), max_length=8, choices=Role.choices, default=Role.MEMBER)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("membership"), _("memberships")
        constraints = [models.UniqueConstraint(fields=["user", "tenant"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.tenant} ({self.get_role_display()})"


class Login(models.Model):
    """One browser that is logged in. A session names its login; ending the login ends the session.

    It outlives the session key, which changes when a guest signs up, so sockets hold on to this.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="logins", verbose_name=_("user"))
    device = models.CharField(_("device"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("login"), _("logins")

    def __str__(self) -> str:
        return f"{self.user} {self.created_at:%Y-%m-%d %H:%M}"


class RateCounter(models.Model):
    """One window of a rate limit, where no Redis counts. Times are seconds since 1970."""

    key = models.CharField(max_length=250, primary_key=True)
    count = models.PositiveIntegerField()
    expires_at = models.FloatField(db_index=True)

    def __str__(self) -> str:
        return self.key
