"""Where allauth's flows meet our people: sign-up upgrades a guest in place."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.db import transaction
from django.http import HttpRequest

from accounts import logins, registry
from accounts.actors import from_session
from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.ALLOW_SIGNUP)

    def new_user(self, request: HttpRequest) -> User:
        """The guest who is signing up, read afresh; otherwise a new person.

        Where the address must be confirmed first, the guest stays a guest: an address that is typed in proves
        nothing, and whether it had an account already must not show. Their things follow at the first login.
        """
        user = request.user
        confirmed_later = app_settings.EMAIL_VERIFICATION == app_settings.EmailVerificationMethod.MANDATORY
        if isinstance(user, User) and user.is_guest and not confirmed_later:
            return User.objects.get(pk=user.pk)
        return User()

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Links in mail lead to SITE_URL. A request's own idea of where we are is a stranger's word."""
        home = urlsplit(settings.SITE_URL)
        rebased = {
            name: urlsplit(value)._replace(scheme=home.scheme, netloc=home.netloc).geturl()
            for name, value in context.items()
            if name.endswith("_url") and value
        }
        site = {"name": "Polylogue", "domain": home.netloc}
        super().send_mail(template_prefix, email, {**context, **rebased, "current_site": site})

    def send_account_already_exists_mail(self, email: str) -> None:
        """As slow as making the account would have been."""
        User().set_password(email)
        super().send_account_already_exists_mail(email)

    def login(self, request: HttpRequest, user: User) -> None:
        """Log in under a new session key. Who was here as a guest stays, or brings their things along.

        Signing up changes the person's password hash, which for Django is another person's session; it would
        be emptied, and with it the login that sockets hold on to.
        """
        actor = from_session(request.session)
        if actor and actor.id == user.pk:
            request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        with transaction.atomic():
            super().login(request, user)
            if actor and actor.id != user.pk:
                logins.end(actor.login_id)
                if actor.kind == User.Kind.GUEST:
                    registry.merge(User.objects.get(pk=actor.id), user)
        request.session.cycle_key()

    def logout(self, request: HttpRequest) -> None:
        """Not for guests, who could not come back, and whom allauth logs out when they open a link that confirms
        an address: they are about to log in and bring their things along.
        """
        if not (isinstance(request.user, User) and request.user.is_guest):
            super().logout(request)

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user.become_member(form.cleaned_data["email"])
        user.set_password(form.cleaned_data.get("password1"))
        if commit:
            with transaction.atomic():
                if user._state.adding:
                    user.settle_in()
                else:
                    user.save()
                    user.home.name = user.email or ""
                    user.home.save(update_fields=["name"])
        return user
