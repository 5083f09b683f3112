"""What we ask of django-oauth-toolkit beyond what it does by itself."""

import logging
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from django.db import transaction
from oauth2_provider.models import Application, RefreshToken
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import SettingsScopes
from oauthlib.common import Request
from oauthlib.oauth2 import InvalidGrantError, InvalidRequestError

from nexus.accounts.selectors import list_scopes

log = logging.getLogger("nexus.accounts")


class Validator(OAuth2Validator):
    """Refresh tokens work once, however many use one at once; the deactivated get nothing; PKCE is S256."""

    oidc_claim_scope = OAuth2Validator.oidc_claim_scope | {"email": "profile"}

    def save_bearer_token(self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any) -> None:
        """
        :raises InvalidGrantError: the refresh token was used by another request since it was validated
        """
        used: RefreshToken | None = getattr(request, "refresh_token_instance", None)
        with transaction.atomic():
            if used is None or self._is_unused(used):
                super().save_bearer_token(token, request, *args, **kwargs)
                return
        # Outside the transaction, so that the refusal does not undo it.
        RefreshToken.revoke_family(used.token_family)
        self._report_replay(request.refresh_token)
        raise InvalidGrantError(request=request)

    def validate_refresh_token(self, refresh_token: str, client: Application, request: Request, *args: Any) -> bool:
        if not super().validate_refresh_token(refresh_token, client, request, *args):
            self._report_replay(refresh_token)
            return False
        return bool(request.user.is_active)

    def validate_code(self, client_id: str, code: str, client: Application, request: Request, *args: Any) -> bool:
        return super().validate_code(client_id, code, client, request, *args) and request.user.is_active

    def save_authorization_code(self, client_id: str, code: dict[str, str], request: Request, *args: Any) -> None:
        """:raises InvalidRequestError: without an S256 challenge"""
        if not request.code_challenge or request.code_challenge_method != "S256":
            raise InvalidRequestError(description="PKCE with S256 is required.", request=request)
        super().save_authorization_code(client_id, code, request, *args)

    def get_additional_claims(self) -> dict[str, Callable[[Request], str]]:
        """What an OpenID client learns about a customer who let it see their profile."""
        return {"email": lambda request: request.user.email, "name": lambda request: request.user.name}

    def _is_unused(self, token: RefreshToken) -> bool:
        """Locks the token until the end of the transaction."""
        return RefreshToken.objects.select_for_update().filter(pk=token.pk, revoked=None).exists()

    def _report_replay(self, refresh_token: str) -> None:
        checksum = sha256(refresh_token.encode()).hexdigest()
        if used := RefreshToken.objects.filter(token_checksum=checksum, revoked__isnull=False).first():
            log.warning("A refresh token of customer %s came back after its end: its family is dead.", used.user_id)


class OwnersScopes(SettingsScopes):
    """A client acting for itself may ask for what its owner may do; `openid` needs a client with signed id tokens."""

    def get_available_scopes(
        self, application: Application | None = None, request: Request | None = None, *args: Any, **kwargs: Any
    ) -> Sequence[str]:
        available: list[str] = super().get_available_scopes(application, request)
        if application is None or request is None:
            return available
        if request.grant_type == "client_credentials":
            return list_scopes(owner=application.user)
        signs = application.algorithm == Application.RS256_ALGORITHM
        return [scope for scope in available if scope != "openid" or signs]
