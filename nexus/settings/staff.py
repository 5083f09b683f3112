"""What a process needs where people log in: accounts, Django admin, sessions, and the OAuth 2 issuer."""

from typing import Any

from nexus.settings.base import ACCESS_TOKEN_LIFETIME, ISSUER, REFRESH_TOKEN_LIFETIME, TEMPLATES, env
from nexus.settings.secrets import signing_key

AUTH_USER_MODEL = "accounts.Customer"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

STAFF_TEMPLATES: list[dict[str, Any]] = [
    TEMPLATES[0]
    | {
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        }
    }
]

SIGNING_KEY = signing_key(env)
JWKS = {"URL": "", "PROVIDER": "nexus.accounts.selectors.get_public_keys"}

OAUTH2_PROVIDER = {
    "OIDC_ENABLED": True,
    "OIDC_RSA_PRIVATE_KEY": SIGNING_KEY,
    "OIDC_ISS_ENDPOINT": ISSUER,
    "OIDC_RESPONSE_TYPES_SUPPORTED": ["code"],
    "OIDC_JWKS_MAX_AGE_SECONDS": 300,
    "OAUTH2_VALIDATOR_CLASS": "nexus.accounts.services.oauth.Validator",
    "SCOPES_BACKEND_CLASS": "nexus.accounts.services.oauth.OwnersScopes",
    "ACCESS_TOKEN_GENERATOR": "nexus.accounts.services.issue_access_token",
    # Without its own generator a refresh token would be made by the one above: a JWT that passes for access.
    "REFRESH_TOKEN_GENERATOR": "nexus.accounts.services.issue_refresh_token",
    "ACCESS_TOKEN_EXPIRE_SECONDS": int(ACCESS_TOKEN_LIFETIME.total_seconds()),
    "REFRESH_TOKEN_EXPIRE_SECONDS": int(REFRESH_TOKEN_LIFETIME.total_seconds()),
    "ROTATE_REFRESH_TOKEN": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "PKCE_REQUIRED": True,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "SCOPES": {
        "openid": "Know who you are",
        "orders": "Place and see your orders",
        "profile": "See and change your profile",
        "catalog:write": "Change products",
        "inventory:write": "Change stock",
        "orders:manage": "Ship and take back orders",
    },
    "DEFAULT_SCOPES": ["orders", "profile"],
}
