"""django-oauth-toolkit's endpoints, held to what we support: authorization code with PKCE and client credentials."""

from typing import Any

from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from oauth2_provider import views
from oauth2_provider.oauth2_backends import OAuthLibCore

from nexus.accounts.selectors import find_client

GRANTS = {"authorization_code", "client_credentials", "refresh_token"}
PARAMETERS = GRANTS | {"grant_type", "code", "redirect_uri", "client_id", "client_secret", "code_verifier", "scope"}
PARAMETERS |= {"token", "token_type_hint"}


class KnownParameters(OAuthLibCore):
    """
    Passes on only what the standards name. oauthlib keeps what a client sends and what it works out itself under the
    same names, so that a parameter called ``user`` or ``scopes`` would look like its own.
    """

    def extract_body(self, request: HttpRequest) -> list[tuple[str, str]]:
        return [(name, value) for name, value in super().extract_body(request) if name in PARAMETERS]


class _Careful:
    """Refuses NUL, which Postgres cannot store, before anything is looked up with it."""

    oauthlib_backend_class = KnownParameters

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        sent = [value for form in (request.GET, request.POST) for values in form.lists() for value in values[1]]
        if any("\0" in value for value in sent):
            return refusal("invalid_request", "A parameter contains a NUL character.")
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        return answer


class Authorize(_Careful, views.AuthorizationView):
    """Asks a person who is logged in whether a client may act for them."""

    template_name = "accounts/authorize.html"

    def form_valid(self, form: Form) -> HttpResponseBase:
        if not find_client(client_id=form.cleaned_data["client_id"]):
            return self.form_invalid(form)
        answer: HttpResponseBase = super().form_valid(form)
        return answer

    def form_invalid(self, form: Form) -> HttpResponseBase:
        """Nothing that the page sent when it asked: without a known client there is nowhere to send the person."""
        error = {"error": "invalid_request", "description": "The request is incomplete."}
        answer: HttpResponseBase = self.render_to_response({"error": error}, status=400)
        return answer


class Token(_Careful, views.TokenView):
    """Grants that RFC 9700 advises against are not only refused to clients that ask, there is no such grant here."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.POST.get("grant_type") not in GRANTS:
            return refusal("unsupported_grant_type", f"One of: {', '.join(sorted(GRANTS))}.")
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer


class Revoke(_Careful, views.RevokeTokenView):
    """RFC 7009."""


class Introspect(_Careful, views.IntrospectTokenView):
    """RFC 7662, by POST only: a token in a URL ends up in logs."""

    http_method_names = ["post", "options"]


class UserInfo(_Careful, views.UserInfoView):
    """OpenID Connect: who the token is for."""


def refusal(error: str, description: str) -> JsonResponse:
    """An error as RFC 6749, section 5.2, has it."""
    headers = {"Cache-Control": "no-store"}
    return JsonResponse({"error": error, "error_description": description}, status=400, headers=headers)
