"""One family of errors for the whole product.

Every error that a person or program may see has a reason, a status and a surface; its code is
`reason:surface` (`quota_exceeded:chat`). `message` may be read by anybody and holds no secrets.
`context` goes to the log only. `details` is part of what the caller is told.

They are raised where they are known and rendered once per surface: `config.middleware` for pages and
JSON, `chat.consumers` as an `error` frame, the runner as `run.finished` with a code.

    AppError
    ├── BadRequest            400   the request cannot be understood or breaks a rule
    │   ├── ModelUnknown      400   no such model
    │   └── TooLarge          413   over a size limit
    ├── Unauthorized          401   nobody is logged in, or the login has ended
    ├── Forbidden             403   logged in, but not allowed
    ├── NotFound              404   absent, or none of the caller's business
    ├── Conflict              409   somebody was faster
    ├── QuotaExceeded         402   a limit that renews or can be raised
    ├── RateLimited           429   too many requests; `retry_after` in details
    ├── Unavailable           503   the server is stopping or a part of it is away
    └── ProviderError         502   what a model's provider did; subclasses name it
        ├── ProviderAuth             the provider refused our key
        ├── ProviderRateLimited      429, may pass
        ├── ProviderUnavailable      5xx, refused, DNS, TLS, may pass
        ├── ProviderTimeout          no token in time
        ├── ProviderRejected         the provider called the request bad
        ├── ContextTooLong           the conversation does not fit the model
        ├── ContentFiltered          the provider's policy stopped it
        ├── ProviderCredit           the account at the provider is empty
        ├── EmptyAnswer              the model said nothing at all
        └── ProviderBroken           the stream ended without an end, or made no sense
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class AppError(Exception):
    """Something went wrong that has a name. `surface` says where: chat, auth, api, stream …"""

    reason: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    default_message: ClassVar[Any] = _("Something went wrong. Please try again.")

    def __init__(
        self,
        surface: str,
        message: str = "",
        *,
        details: dict[str, Any] | None = None,
        param: str | None = None,
        **context: object,
    ) -> None:
        self.surface = surface
        self._message = message
        self.details = details or {}
        self.param = param
        self.context = context
        super().__init__(surface)

    @property
    def message(self) -> str:
        """In the language active when it is read, which is the reader's."""
        return str(self._message or self.default_message)

    @property
    def code(self) -> str:
        return f"{self.reason}:{self.surface}"

    def __str__(self) -> str:
        return f"{self.code} {self.message}"


class BadRequest(AppError):
    reason, status = "bad_request", 400
    default_message = _("The request could not be understood.")


class ModelUnknown(BadRequest):
    reason = "model_unknown"
    default_message = _("There is no such model here.")


class TooLarge(BadRequest):
    reason, status = "too_large", 413
    default_message = _("This is larger than the limit.")


class Unauthorized(AppError):
    reason, status = "unauthorized", 401
    default_message = _("Please log in.")


class Forbidden(AppError):
    reason, status = "forbidden", 403
    default_message = _("You may not do this.")


class NotFound(AppError):
    reason, status = "not_found", 404
    default_message = _("This does not exist, or is not yours to see.")


class Conflict(AppError):
    reason, status = "conflict", 409
    default_message = _("Somebody was faster. Look at the current state and try again.")


class QuotaExceeded(AppError):
    reason, status = "quota_exceeded", 402
    default_message = _("The limit is reached.")


class RateLimited(AppError):
    reason, status, retryable = "rate_limited", 429, True
    default_message = _("Too many requests. Please wait a moment.")


class Unavailable(AppError):
    reason, status, retryable = "unavailable", 503, True
    default_message = _("The server is not available for a moment. Please try again.")


class ProviderError(AppError):
    reason, status = "provider_error", 502
    default_message = _("The model's provider reported an error.")


class ProviderAuth(ProviderError):
    reason = "provider_auth"
    default_message = _("The model's provider refused the key. The operator has to check it.")


class ProviderRateLimited(ProviderError):
    reason, retryable = "provider_rate_limited", True
    default_message = _("The model is very busy. Please try again in a moment.")


class ProviderUnavailable(ProviderError):
    reason, status, retryable = "provider_unavailable", 503, True
    default_message = _("The model's provider cannot be reached at the moment.")


class ProviderTimeout(ProviderError):
    reason, status, retryable = "provider_timeout", 504, True
    default_message = _("The model did not answer in time.")


class ProviderRejected(ProviderError):
    reason = "provider_rejected"
    default_message = _("The model's provider did not accept this request.")


class ContextTooLong(ProviderError):
    reason = "context_too_long"
    default_message = _("The conversation is longer than this model can read.")


class ContentFiltered(ProviderError):
    reason = "content_filtered"
    default_message = _("The provider's content policy stopped this answer.")


class ProviderCredit(ProviderError):
    reason = "provider_credit"
    default_message = _("The account at the model's provider has no credit left.")


class ProviderBroken(ProviderError):
    reason = "provider_broken"
    default_message = _("The answer broke off before its end.")


class EmptyAnswer(ProviderError):
    reason, retryable = "empty_answer", True
    default_message = _("The model gave an empty answer.")


def reread(message: str) -> str:
    """A message that was kept in English, in the language active now."""
    return gettext(message) if message else ""


def family(kind: type[AppError] = AppError) -> Iterator[type[AppError]]:
    """`kind` and everything below it."""
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)
