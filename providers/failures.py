"""Other people's errors become ours, most specific first.

The messages are fixed texts of ours: a provider's own words may repeat the key it was given. What it said is
only looked at to tell an empty account or a long conversation from other refusals. Classes are known by name,
because importing them costs seconds; a test compares the table with what LiteLLM has.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from config.errors import (
    AppError,
    ContentFiltered,
    ContextTooLong,
    ProviderAuth,
    ProviderBroken,
    ProviderCredit,
    ProviderError,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)

SURFACE: Final = "provider"
Kind = type[ProviderError]

# What a provider's own words give away, whatever status it chose.
_WORDS: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = tuple(
    (kind, re.compile("|".join(words), re.I))
    for kind, words in (
        (
            ProviderCredit,
            (
                r"insufficient[_ ]quota",
                r"credit balance",
                r"exceeded your current quota",
                r"billing_hard_limit",
                r"insufficient (?:credit|fund|balance)",
            ),
        ),
        (
            ContextTooLong,
            (
                r"context[_ ](?:length|window)",
                r"maximum context",
                r"prompt is too long",
                r"input token count",
                r"too many tokens",
                r"reduce the length",
                r"exceed context limit|available context size",
                r"input tokens exceed|exceeds the maximum number of tokens|maximum input length is",
                r"current length is \S+ while limit is",
            ),
        ),
        (ProviderAuth, (r"api[_ ]key not valid", r"invalid[_ ](?:x-)?api[_ -]key", r"incorrect api key")),
        (
            ContentFiltered,
            (
                r"content[_ ](?:management[_ ])?policy",
                r"content_filter",
                r"responsibleai",
                r"safety system",
                r"usage policy",
            ),
        ),
    )
)

# LiteLLM's classes that say more than their status.
_TELLING: Final[Mapping[str, Kind]] = {
    "ContextWindowExceededError": ContextTooLong,
    "ContentPolicyViolationError": ContentFiltered,
    "PaymentRequiredError": ProviderCredit,
    "BudgetExceededError": ProviderCredit,
    "GuardrailRaisedException": ContentFiltered,
    "BlockedPiiEntityError": ContentFiltered,
    "ModifyResponseException": ContentFiltered,
    "SensitiveDataRouteException": ContentFiltered,
}

_STATUS: Final[Mapping[int, Kind]] = {
    401: ProviderAuth,
    402: ProviderCredit,
    403: ProviderAuth,
    408: ProviderTimeout,
    409: ProviderUnavailable,
    413: ContextTooLong,
    425: ProviderUnavailable,
    429: ProviderRateLimited,
    504: ProviderTimeout,
}

# Every other class, for errors without a status of the wire.
BY_NAME: Final[Mapping[str, Kind]] = {
    **_TELLING,
    "AuthenticationError": ProviderAuth,
    "PermissionDeniedError": ProviderAuth,
    "RateLimitError": ProviderRateLimited,
    "Timeout": ProviderTimeout,
    "APITimeoutError": ProviderTimeout,
    "NotFoundError": ProviderRejected,
    "BadRequestError": ProviderRejected,
    "InvalidRequestError": ProviderRejected,
    "UnprocessableEntityError": ProviderRejected,
    "UnsupportedParamsError": ProviderRejected,
    "RejectedRequestError": ProviderRejected,
    "ImageFetchError": ProviderRejected,
    "VectorStoreSearchError": ProviderRejected,
    "LiteLLMUnknownProvider": ProviderRejected,
    "ModelNotMappedError": ProviderRejected,
    "ServiceUnavailableError": ProviderUnavailable,
    "BadGatewayError": ProviderUnavailable,
    "InternalServerError": ProviderUnavailable,
    "MidStreamFallbackError": ProviderUnavailable,
    "APIConnectionError": ProviderUnavailable,
    "APIError": ProviderUnavailable,
    "MockException": ProviderUnavailable,
    "OpenAIError": ProviderUnavailable,
    "APIResponseValidationError": ProviderBroken,
    "JSONSchemaValidationError": ProviderBroken,
    "StreamError": ProviderUnavailable,
    # httpx
    "TimeoutException": ProviderTimeout,
    "ConnectTimeout": ProviderUnavailable,
    "PoolTimeout": ProviderUnavailable,
    "ConnectError": ProviderUnavailable,
    "RemoteProtocolError": ProviderUnavailable,
    "DecodingError": ProviderBroken,
    "InvalidURL": ProviderRejected,
    "TransportError": ProviderUnavailable,
    "HTTPError": ProviderUnavailable,
    # aiohttp; its own InvalidURL is called like httpx's
    "ConnectionTimeoutError": ProviderUnavailable,
    "ServerTimeoutError": ProviderTimeout,
    "NonHttpUrlClientError": ProviderRejected,
    "ClientPayloadError": ProviderUnavailable,
    "ClientError": ProviderUnavailable,
}
_LOST: Final = frozenset({"TransportError", "APIConnectionError", "ClientConnectionError", "ClientPayloadError"})
_SLOW: Final = frozenset({"TimeoutException", "TimeoutError"})


def translate(
    exc: BaseException, *, started: bool, status: int | None = None, headers: Mapping[str, str] | None = None
) -> AppError:
    """Our error for `exc`; raise it `from exc`.

    `started` says that the answer had begun: then a lost connection is an answer that broke off. `status`
    and `headers` are what came over the wire, which libraries rewrite and drop.
    """
    if isinstance(exc, AppError):
        return exc
    exc = _innermost(exc)
    status = status if status is not None and status >= 300 else _status(exc)
    kind = _kind(exc, status, started)
    details = {}
    if kind is ProviderRateLimited or kind is ProviderUnavailable:
        wait = retry_after(headers or _headers(exc))
        details = {} if wait is None else {"retry_after_s": wait}
    return kind(SURFACE, details=details, provider_status=status, provider_error=type(exc).__name__)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds a provider asks us to wait: a number, a date, or OpenAI's milliseconds."""
    lowered = {name.lower(): value for name, value in headers.items()}
    try:
        if milliseconds := lowered.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        value = lowered.get("retry-after", "")
        if not value:
            return None
        if re.fullmatch(r"\d{1,9}(\.\d+)?", value.strip()):
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _kind(exc: BaseException, status: int | None, started: bool) -> Kind:
    names = [cls.__name__ for cls in type(exc).__mro__]
    for name in names:
        if name in _TELLING:
            return _TELLING[name]
    if status is None or status < 500:
        said = f"{getattr(exc, 'code', '')} {exc}"[:4000]
        for kind, pattern in _WORDS:
            if pattern.search(said):
                return kind
    if status is not None and status in _STATUS:
        return _STATUS[status]
    if status is not None and 300 <= status < 500:
        return ProviderRejected
    found = next((BY_NAME[name] for name in names if name in BY_NAME), ProviderBroken)
    if started and _lost_connection(names):
        return ProviderBroken
    return ProviderUnavailable if status is not None and status >= 500 and found is ProviderBroken else found


def _lost_connection(names: list[str]) -> bool:
    return not _LOST.isdisjoint(names) and _SLOW.isdisjoint(names)


def _innermost(exc: BaseException) -> BaseException:
    """LiteLLM packs the error of a begun stream into another one."""
    inner = getattr(exc, "original_exception", None)
    return _innermost(inner) if isinstance(inner, BaseException) and inner is not exc else exc


def _status(exc: BaseException) -> int | None:
    for value in (getattr(exc, "status_code", None), getattr(exc, "code", None)):
        if isinstance(value, int | str) and re.fullmatch(r"[1-5]\d\d", str(value)):
            return int(value)
    return None


def _headers(exc: BaseException) -> Mapping[str, str]:
    for holder in (exc, getattr(exc, "response", None)):
        headers = getattr(holder, "headers", None)
        if isinstance(headers, httpx.Headers | dict):
            return {str(name): str(value) for name, value in headers.items()}
    return {}
