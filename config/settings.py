"""All settings, from environment variables that `config.env` reads and refuses when odd.

A fresh clone needs none of them: it runs on SQLite in one process with demo models. The README lists
every variable, and a test compares that list with this file.
"""

from __future__ import annotations

import secrets
from email.utils import getaddresses
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where this runs -----------------------------------------------------------------------------

# The only switch: development runs with no variables at all, production refuses to guess.
ENVIRONMENT = env.text("ENVIRONMENT", "development", choices=("development", "production"))
PRODUCTION = ENVIRONMENT == "production"
DEBUG = False

# Signs sessions and visitor cookies. Development keeps a random one beside the database.
SECRET_KEY = env.text("SECRET_KEY")
# Where the server listens.
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, at_least=1, at_most=65535)
# The server that speaks HTTP and WebSocket: daphne is the default, uvicorn has less overhead under load.
SERVER = env.text("SERVER", "daphne", choices=("daphne", "uvicorn"))
# The address people type; mail and share links are built from it.
SITE_URL = env.url("SITE_URL", f"http://localhost:{PORT}")
# Host names this server answers to.
ALLOWED_HOSTS = list(
    env.words("ALLOWED_HOSTS", (SITE_URL.partition("://")[2].partition(":")[0], "localhost", "127.0.0.1", "[::1]"))
)
# How many proxies in front append to X-Forwarded-For; 0 trusts no header.
TRUSTED_PROXY_COUNT = env.integer("TRUSTED_PROXY_COUNT", 0, at_most=10)
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Largest request body in bytes, refused before it is read whole.
MAX_BODY_BYTES = env.integer("MAX_BODY_BYTES", 1_048_576, at_least=1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

# --- Data ----------------------------------------------------------------------------------------

# PostgreSQL for several processes; without it a SQLite file beside the code.
DATABASE_URL = env.url(
    "DATABASE_URL", f"sqlite:///{BASE_DIR / 'polylogue.sqlite3'}", schemes=("sqlite", "postgres", "postgresql")
)
DATABASES: dict[str, dict[str, Any]] = {"default": environ.Env.db_url_config(DATABASE_URL)}
DATABASE_IS_SQLITE = DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
if DATABASE_IS_SQLITE:
    DATABASES["default"]["OPTIONS"] = {
        # Readers never wait for the writer, and a writer takes its lock when it begins, not half-way.
        "transaction_mode": "IMMEDIATE",
        "timeout": 5,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;"
        " PRAGMA cache_size=-16000",
    }
    DATABASES["default"]["TEST"] = {"NAME": str(BASE_DIR / "build" / "test.sqlite3")}
else:
    # Connections that serve pages. The run engine has its own, one for each of DATABASE_THREADS.
    DATABASE_POOL = env.integer("DATABASE_POOL", 12, at_least=4, at_most=500)
    DATABASES["default"]["OPTIONS"] = {
        # Given up soon, a lost connection is asked for anew; otherwise the pool tries ever more rarely.
        "pool": {"min_size": 2, "max_size": DATABASE_POOL, "timeout": 5, "reconnect_timeout": 2},
        "connect_timeout": 5,
        # A machine that vanished says nothing; without these a write would wait for it for a quarter of an hour.
        "keepalives_idle": 15,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }
# Threads of the run engine on PostgreSQL (SQLite has one writer and one reader).
DATABASE_THREADS = env.integer("DATABASE_THREADS", 4, at_least=2, at_most=32)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Doorbells between processes, the cache and the rate limits; without it they live in this process.
REDIS_URL = env.url("REDIS_URL", schemes=("redis", "rediss", "unix"))
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            # Messages are doorbells; the log is the truth. What is over the capacity may be dropped.
            "CONFIG": {"hosts": [REDIS_URL], "capacity": 2000, "expiry": 10},
        }
    }
    _cache: dict[str, Any] = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
elif not DATABASE_IS_SQLITE:
    # Several processes may share it, and the limits on logins have to hold for all of them together.
    _cache = {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "accounts_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
else:
    # Django keeps 300 entries unless told otherwise; whoever fills them makes the limits on logins forget.
    _cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
CACHES = {"default": _cache}

# Where uploaded files lie.
MEDIA_ROOT = env.path("MEDIA_ROOT", BASE_DIR / "media")

if PRODUCTION and not (SECRET_KEY and env.text("DATABASE_URL") and env.text("KEY_ENCRYPTION_KEYS")):
    raise ImproperlyConfigured("ENVIRONMENT=production needs SECRET_KEY, DATABASE_URL and KEY_ENCRYPTION_KEYS.")
# Keys that provider keys of tenants are encrypted with: `id:base64,…`, the first is current.
KEY_ENCRYPTION_KEYS = env.text("KEY_ENCRYPTION_KEYS")
if not SECRET_KEY:
    _secret_file = BASE_DIR / "build" / "secret_key"
    _secret_file.parent.mkdir(exist_ok=True)
    if not _secret_file.exists():
        _secret_file.write_text(secrets.token_urlsafe(64), encoding="utf-8")
        _secret_file.chmod(0o600)
    SECRET_KEY = _secret_file.read_text(encoding="utf-8")

# --- Models --------------------------------------------------------------------------------------

# TOML file that adds models or replaces them by id.
MODELS_FILE = Path(_models_file).expanduser() if (_models_file := env.text("MODELS_FILE")) else None
# A key makes a provider's models appear.
PROVIDER_KEYS = {
    provider: key
    for provider, name in {
        "openai": "OPENAI_API_KEY",
        "anthropic": "ANTHROPIC_API_KEY",
        "gemini": "GEMINI_API_KEY",
        "xai": "XAI_API_KEY",
        "openrouter": "OPENROUTER_API_KEY",
        "groq": "GROQ_API_KEY",
        "mistral": "MISTRAL_API_KEY",
        "deepseek": "DEEPSEEK_API_KEY",
    }.items()
    if (key := env.text(name))
}
# A local Ollama, such as http://localhost:11434.
OLLAMA_URL = env.url("OLLAMA_URL")
# Whether LiteLLM carries every stream, also those that are read without it.
LITELLM_ONLY = env.flag("LITELLM_ONLY", False)
# Seconds a model may take to its first token, be silent afterwards, and take in all.
FIRST_TOKEN_TIMEOUT_S = env.integer("FIRST_TOKEN_TIMEOUT_S", 25, at_least=1)
IDLE_TIMEOUT_S = env.integer("IDLE_TIMEOUT_S", 60, at_least=1)
TOTAL_TIMEOUT_S = env.integer("TOTAL_TIMEOUT_S", 900, at_least=1)
# How long answers may go on after SIGTERM, in seconds. Marking what did not end takes up to two more, so the default
# leaves within 25.
DRAIN_GRACE_S = env.integer("DRAIN_GRACE_S", 23, at_least=0)

# The service behind the weather tool, of Open-Meteo's shape.
WEATHER_URL = env.url("WEATHER_URL", "https://api.open-meteo.com/v1/forecast")

# --- People --------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
# Whether visitors may chat without an account, and whether accounts can be made.
ALLOW_GUESTS = env.flag("ALLOW_GUESTS", True)
ALLOW_SIGNUP = env.flag("ALLOW_SIGNUP", True)
# New guests from one address.
RATE_LIMIT_GUESTS = env.rate("RATE_LIMIT_GUESTS", "60/h")
# Messages of one person.
RATE_LIMIT_MESSAGES = env.rate("RATE_LIMIT_MESSAGES", "30/m")
# Mail goes here; without it mail is printed on the console.
EMAIL_URL = env.url("EMAIL_URL", schemes=("smtp", "smtps", "smtp+tls", "smtp+ssl", "consolemail", "filemail"))
if EMAIL_URL:
    _mail = environ.Env.email_url_config(EMAIL_URL)
    EMAIL_BACKEND = _mail.get("EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
    EMAIL_HOST = _mail.get("EMAIL_HOST") or "localhost"
    EMAIL_PORT = _mail.get("EMAIL_PORT") or 25
    EMAIL_HOST_USER = _mail.get("EMAIL_HOST_USER") or ""
    EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_PASSWORD") or ""
    EMAIL_USE_TLS = bool(_mail.get("EMAIL_USE_TLS"))
    EMAIL_USE_SSL = bool(_mail.get("EMAIL_USE_SSL"))
    EMAIL_FILE_PATH = _mail.get("EMAIL_FILE_PATH")
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
EMAIL_TIMEOUT = 10
# The sender of mail.
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Polylogue <polylogue@localhost>")
if "@" not in getaddresses([DEFAULT_FROM_EMAIL])[0][1]:
    raise ImproperlyConfigured("DEFAULT_FROM_EMAIL is not an address.")

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["email"]},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Polylogue] "
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
# A guest is logged in and must still reach the login and sign-up pages.
ACCOUNT_AUTHENTICATED_LOGIN_REDIRECTS = False
# Without a mail server nobody could confirm an address.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_URL else "optional"

SESSION_COOKIE_AGE = 60 * 60 * 24 * 90
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SITE_URL.startswith("https://")
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "config.middleware.csrf_failed"
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# --- Safety --------------------------------------------------------------------------------------

if PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    # A browser takes these from this very host alone, so no neighbour under the same domain can plant one.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    SECURE_SSL_REDIRECT = True
    # Health checks come from inside, without TLS.
    SECURE_REDIRECT_EXEMPT = [r"^health$", r"^ready$", r"^metrics$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "frame-src": [NONE],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- Django --------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "django_htmx",
    "csp",
    "accounts",
    "billing",
    "providers",
    "artifacts",
    "chat",
    "api",
]
if not DATABASE_IS_SQLITE:
    # The queue that brings runs to worker processes; its tables need PostgreSQL.
    INSTALLED_APPS.insert(0, "procrastinate.contrib.django")
MIDDLEWARE = [
    "config.middleware.RequestMiddleware",
    # Pages shrink to a fifth. Django pads each by a random length, so that secrets cannot be guessed from it.
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    # Last and sync-only on purpose: the whole chain then takes one hop to a thread, not two a middleware.
    "accounts.middleware.ActorMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "chat.context.page",
            ],
        },
    }
]
FORMS_URLFIELD_ASSUME_HTTPS = True

STATIC_URL = "/static/"
# `make build` bundles static/ into build/bundle and collects everything into build/static.
STATICFILES_DIRS = [("app", BASE_DIR / "build" / "bundle"), ("img", BASE_DIR / "static" / "img")]
STATIC_ROOT = BASE_DIR / "build" / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", _("English")),
    ("de", _("German")),
    ("es", _("Spanish")),
    ("fr", _("French")),
    ("ru", _("Russian")),
    ("hi", _("Hindi")),
    ("zh-hans", _("Simplified Chinese")),
    ("ar", _("Arabic")),
]
# `make build` compiles the catalogs of config/locale into these.
LOCALE_PATHS = [BASE_DIR / "build" / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
LANGUAGE_COOKIE_AGE = 60 * 60 * 24 * 365
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = SESSION_COOKIE_SECURE
TIME_ZONE = "UTC"
USE_TZ = True

# --- Seeing what happens -------------------------------------------------------------------------

# How much is logged.
LOG_LEVEL = env.text("LOG_LEVEL", "INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "config.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # What these say at INFO is about themselves.
        "daphne": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
        "procrastinate": {"level": "WARNING"},
        "LiteLLM": {"level": "ERROR"},
        # Every 4xx is an answer of ours, counted elsewhere.
        "django.request": {"level": "ERROR"},
        "django.channels.server": {"level": "WARNING"},
    },
}
# Traces go to this OTLP collector over HTTP; without it none are made.
OTEL_EXPORTER_OTLP_ENDPOINT = env.url("OTEL_EXPORTER_OTLP_ENDPOINT")
# The bearer token that /metrics wants; without one only staff may look.
METRICS_TOKEN = env.text("METRICS_TOKEN")
SILENCED_SYSTEM_CHECKS: list[str] = []
