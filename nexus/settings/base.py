"""What every deployment shares. A settings module names its apps; databases, middleware and URLs follow from them."""

import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from nexus.settings.databases import database, servers
from nexus.settings.environment import Environment
from nexus.settings.regions import links, region
from nexus.settings.secrets import secret_key

env = Environment()
BASE_DIR = Path(__file__).resolve().parents[2]

DEMO = env.flag("NEXUS_DEMO")
DEBUG = env.flag("NEXUS_DEBUG")
if DEBUG and not DEMO:
    raise ImproperlyConfigured("NEXUS_DEBUG shows settings to visitors; it is for a demo only (NEXUS_DEMO=1)")

SECRET_KEY = secret_key(env)
ALLOWED_HOSTS = env.words("NEXUS_ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.words("NEXUS_CSRF_ORIGINS")

ROOT_URLCONF = "nexus.urls"
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

SHARED_APPS = ["django.contrib.staticfiles", "rest_framework", "drf_spectacular", "drf_spectacular_sidecar"]
SHARED_APPS += ["nexus.web", "nexus.eventbus"]
STAFF_APPS = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes"]
STAFF_APPS += ["django.contrib.sessions", "django.contrib.messages", "oauth2_provider"]

EDGE_MIDDLEWARE = [
    "nexus.web.middleware.request_id",
    "nexus.web.middleware.security_headers",
    "nexus.web.middleware.deadline",
    "nexus.web.middleware.canonical_path",
    "nexus.web.middleware.body_limit",
]
STAFF_MIDDLEWARE = [
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
MIDDLEWARE = [*EDGE_MIDDLEWARE, "whitenoise.middleware.WhiteNoiseMiddleware"]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static"
# Files are served from where the apps have them until `collectstatic` has gathered them, as the image does.
WHITENOISE_USE_FINDERS = not STATIC_ROOT.is_dir()
warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)

STATEMENT_SECONDS = env.number("NEXUS_STATEMENT_SECONDS")
_servers = servers(env)


def postgres(name: str) -> dict[str, Any]:
    """One app's database on the server that all share, or on its own; `name` ends its name."""
    return database(name, server=_servers.get(name, _servers[""]), env=env)


NO_DATABASE = {"ENGINE": "django.db.backends.dummy"}
DATABASES: dict[str, dict[str, Any]] = {"default": NO_DATABASE}
DATABASE_ROUTERS = ["nexus.routers.OneDatabasePerApp"]

MONGO_URL = env.url("NEXUS_MONGO_URL", password="NEXUS_MONGO_PASSWORD")
REDIS_URL = env.url("NEXUS_REDIS_URL", password="NEXUS_REDIS_PASSWORD")
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "nexus",
        "OPTIONS": {
            # JSON: whoever can write to Redis must not be able to make us run code, as pickle would.
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
            "SOCKET_CONNECT_TIMEOUT": 0.3,
            "SOCKET_TIMEOUT": 0.3,
        },
    }
}

EVENT_BUS = {
    "BACKEND": f"nexus.eventbus.backends.{env.choice('NEXUS_EVENT_BUS', 'inprocess', 'celery', 'kafka')}",
    "BROKER_URL": ";".join(env.urls("NEXUS_BROKER_URL", password="NEXUS_BROKER_PASSWORD")),
    "MANAGEMENT_URL": env.text("NEXUS_BROKER_MANAGEMENT_URL"),
    "KAFKA_SERVERS": ",".join(env.words("NEXUS_KAFKA_SERVERS")),
    "NAMESPACE": env.text("NEXUS_BUS_NAMESPACE"),
    "SUBSCRIBER": env.text("NEXUS_SUBSCRIBER"),
}

REGION, REGION_LINKS = region(env), links(env)

CURRENCY = env.text("NEXUS_CURRENCY")
RESERVATION_HOURS = env.number("NEXUS_RESERVATION_HOURS")
STAFF_PAGES = env.flag("NEXUS_STAFF_PAGES", otherwise=DEMO)
METRICS_PORT = env.number("NEXUS_METRICS_PORT")
TRACES_URL, TRACES_SHARE = env.text("NEXUS_TRACES_URL"), env.share("NEXUS_TRACES_SHARE")
ORDER_OVERDUE_SECONDS = env.number("NEXUS_ORDER_OVERDUE_SECONDS")
RATE_LIMIT = env.rate("NEXUS_RATE_LIMIT")
RATE_LIMITS = env.rates("NEXUS_RATE_LIMITS")
RATE_CLASSES = dict.fromkeys(
    ("/api/v1/accounts/token", "/api/v1/accounts/token/refresh", "/api/v1/accounts/register", "/oauth/token", "/login"),
    "login",
)
"""Paths whose requests are of a kind; a kind may have a limit and a price of its own."""
RATE_COSTS = {"login": 10}
"""What one request of a kind takes of the bucket: a password is slow to verify, for whoever guesses and for us."""
TRUSTED_PROXIES = env.number("NEXUS_TRUSTED_PROXIES")
ROUTES = {
    "/api/v1/accounts": "accounts",
    "/oauth": "accounts",
    "/login": "accounts",
    "/logout": "accounts",
    "/.well-known": "accounts",
    "/api/v1/products": "catalog",
    "/api/v1/categories": "catalog",
    "/api/v1/product-types": "catalog",
    "/api/v1/inventory": "inventory",
    "/api/v1/orders": "orders",
}
"""Which app answers a path and all below it. An app named in SERVICES is elsewhere, any other in this process."""
SERVICES = env.pairs("NEXUS_SERVICES")
SERVICE_SECONDS = env.seconds("NEXUS_SERVICE_SECONDS")
CONSUL_URL, EUREKA_URL = env.text("NEXUS_CONSUL_URL"), env.text("NEXUS_EUREKA_URL")
REGISTER = env.text("NEXUS_REGISTER")
CORS_ORIGINS = env.words("NEXUS_CORS_ORIGINS")
MAX_BODY = DATA_UPLOAD_MAX_MEMORY_SIZE = env.number("NEXUS_MAX_BODY")
VAR_DIR = Path(env.text("NEXUS_VAR"))

ISSUER = env.text("NEXUS_ISSUER")
AUDIENCE = "nexus"
JWKS = {"URL": env.text("NEXUS_JWKS_URL"), "PROVIDER": ""}
ACCESS_TOKEN_LIFETIME = timedelta(minutes=5)
REFRESH_TOKEN_LIFETIME = timedelta(days=30)

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEMO
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
DEFAULT_FROM_EMAIL = "shop@localhost"
EMAIL_TIMEOUT = 5

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["nexus.web.authentication.BearerToken"],
    "DEFAULT_PERMISSION_CLASSES": ["nexus.web.permissions.SignedIn"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer", "nexus.web.browsing.BrowsableAPI"],
    "DEFAULT_PARSER_CLASSES": ["nexus.web.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "nexus.web.schema.Schema",
    "EXCEPTION_HANDLER": "nexus.web.problems.answer",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Nexus",
    "DESCRIPTION": "Catalog, stock, orders and accounts of a shop.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
}

LOG_FORMAT = env.choice("NEXUS_LOG_FORMAT", "text", "ecs")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "{asctime} {levelname:7} {name}: {message}", "style": "{"},
        "ecs": {"()": "nexus.web.logs.EcsFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": env.text("NEXUS_LOG_LEVEL")},
    "loggers": {
        # Celery sets the root's level in a worker, to what suits its own lines.
        "nexus": {"level": env.text("NEXUS_LOG_LEVEL")},
        "django.request": {"level": "ERROR"},
        "django.server": {"level": "WARNING"},
    },
}
