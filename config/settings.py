"""All settings of the arena, from the environment. docs/operations.md explains each variable."""

import os
import secrets
import shlex
from pathlib import Path
from typing import Any

import dj_database_url
import django_stubs_ext

from config.catalogues import compiled
from config.matchmakers import matchmaker
from config.redis_server import socket_path

# Lets `ModelAdmin[Contender]` and the like stand in code that runs, not only in annotations.
django_stubs_ext.monkeypatch()

# The matrices of a leaderboard are small: threads that spin for them cost more than they give.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

BASE_DIR = Path(__file__).resolve().parent.parent
ARENA_HOME = Path(os.environ.get("ARENA_HOME") or BASE_DIR / "var").resolve()
ARENA_HOME.mkdir(parents=True, exist_ok=True)


def _flag(name: str, default: bool = False) -> bool:
    value = os.environ.get(name, str(int(default))).strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError(f"{name}={value!r}: say 1 or 0.")


def _listed(name: str, default: str = "") -> list[str]:
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]


def _one_of(name: str, default: str, *others: str) -> str:
    value = os.environ.get(name, "").strip().lower() or default
    if value not in {default, *others}:
        raise ValueError(f"{name}={value!r}: say {', '.join([default, *others])}.")
    return value


def _number(name: str, default: float) -> float:
    value = os.environ.get(name, "").strip() or str(default)
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0.0 <= number < 1e9:
        raise ValueError(f"{name}={value!r}: say a number that is not negative.")
    return number


def _secret_key() -> str:
    """The key from the environment, else one that is generated once and kept under ARENA_HOME."""
    if key := os.environ.get("ARENA_SECRET_KEY"):
        return key
    path = ARENA_HOME / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(key := secrets.token_urlsafe(50))
    return key


# --- core -----------------------------------------------------------------------------------
DEBUG = _flag("ARENA_DEBUG")
SECRET_KEY = _secret_key()
PORT = int(os.environ.get("PORT") or 8000)
ALLOWED_HOSTS = _listed("ARENA_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = _listed("ARENA_TRUSTED_ORIGINS")
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "servestatic",
    "channels",
    "django_htmx",
    "ninja",
    "arena",
    "ranking",
    "rlhf",
]

MIDDLEWARE = [
    "config.middleware.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "config.middleware.LanguageMiddleware",
    "config.middleware.ContentSecurityPolicyMiddleware",
    "config.middleware.ApiErrorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.l10n",
                "arena.templatetags.sentences",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- data -----------------------------------------------------------------------------------
DATABASES: dict[str, Any] = {
    "default": dj_database_url.config(
        default=f"sqlite:///{ARENA_HOME / 'arena.sqlite3'}",
        conn_max_age=0,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # The writers of one process queue up for a lock, see config/sqlite/base.py.
    DATABASES["default"]["ENGINE"] = "config.sqlite"
    # There is no server that could have gone: asking before each use only takes time.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = False
    # IMMEDIATE: a writer takes its lock when the transaction starts, so that two votes at once
    # queue up instead of failing with "database is locked" half-way.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8000;"
        ),
    }

# Without REDIS_URL it is the private Redis that `make run` starts. Commands work without any.
REDIS_URL = os.environ.get("REDIS_URL") or f"unix://{socket_path(ARENA_HOME)}"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "arena",
        "OPTIONS": {
            "pool_class": "config.caches.SharedPool",
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
        },
    }
}
# The pub/sub layer: the default layer's blocking reads collide with redis-py's socket timeout.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "arena"},
    }
}

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"rlhf.tasks.follow_run": {"queue": "training"}}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A training run holds its message until it ends; Redis must not hand it to a second worker.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 7 * 24 * 3600,
    "socket_connect_timeout": 2,
    "max_retries": 1,
}

# --- web ------------------------------------------------------------------------------------
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = ARENA_HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "servestatic.storage.CompressedManifestStaticFilesStorage"
            if _flag("ARENA_HASHED_STATIC")
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
SERVESTATIC_USE_FINDERS = not _flag("ARENA_HASHED_STATIC")
SERVESTATIC_ALLOW_ALL_ORIGINS = False
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_ENGINE = "config.sessions"
SESSION_COOKIE_AGE = 365 * 24 * 3600  # an anonymous rater keeps their battles for a year
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _flag("ARENA_HTTPS")
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _flag("ARENA_HTTPS") else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "filters": {"calm": {"()": "config.logs.Calm"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["calm"]}
    },
    # Two lines for each task, every second while people vote.
    "loggers": {
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
    "root": {"handlers": ["console"], "level": os.environ.get("ARENA_LOG_LEVEL", "INFO")},
}

# --- languages ------------------------------------------------------------------------------
# docs/translating.md says how to add one. Workers and commands speak the first.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("ar", "العربية")]
LOCALE_PATHS = [compiled(BASE_DIR / "locale", ARENA_HOME / "locale")]
FORMAT_MODULE_PATH = "config.formats"
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SECURE = _flag("ARENA_HTTPS")
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True

# --- the arena ------------------------------------------------------------------------------
# How a contender speaks: name in the database -> class.
ARENA_BACKENDS = {
    "local": "arena.backends.openai.LocalBackend",
    "openai": "arena.backends.openai.OpenAIBackend",
}
# Who meets whom: the dotted path of a policy, and the weights that it is given, if any.
ARENA_MATCHMAKER, ARENA_MATCHMAKER_WEIGHTS = matchmaker(
    os.environ.get("ARENA_MATCHMAKER") or "active", _listed("ARENA_MATCHMAKER_WEIGHTS")
)
# Whether votes on known names count as blind ones do.
COUNT_SIDE_BY_SIDE = _flag("ARENA_COUNT_SIDE_BY_SIDE")
MODEL_SERVER_URL = os.environ.get("ARENA_MODEL_SERVER_URL", "http://127.0.0.1:8100/v1")
MODELS_DIR = ARENA_HOME / "models"
RUNS_DIR = ARENA_HOME / "runs"
DATASETS_DIR = ARENA_HOME / "datasets"
# What starts a training process; empty: this Python with `-m rlhf.training`. For several GPUs:
# "accelerate launch -m rlhf.training".
TRAINING_COMMAND = shlex.split(os.environ.get("ARENA_TRAINING_COMMAND", ""))
DEFAULT_MODEL = "smollm2-135m-instruct"
PROMPT_MAX_CHARS = 16_000
# A response that says who wrote it: the name is masked until the vote, or the vote is flagged.
ARENA_DISCLOSURE = _one_of("ARENA_DISCLOSURE", "mask", "flag", "off")
# Characters a second at which the responses of a blind battle are shown in step; 0: as they come.
ARENA_PACING = _number("ARENA_PACING", 0)
FIRST_TOKEN_TIMEOUT_S = 60.0
IDLE_TIMEOUT_S = 30.0
