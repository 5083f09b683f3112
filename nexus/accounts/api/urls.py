from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.views import ConnectDiscoveryInfoView, JwksInfoView

from nexus.accounts.api import oauth, pages, views

BASE = "api/v1/accounts/"

# Clients have no cookie, so no CSRF token either; only the page where a person agrees asks for one.
# The names are those by which django-oauth-toolkit finds its own endpoints for the discovery document.
oauth_patterns = [
    path("oauth/authorize", oauth.Authorize.as_view(), name="authorize"),
    path("oauth/token", csrf_exempt(oauth.Token.as_view()), name="token"),
    path("oauth/revoke", csrf_exempt(oauth.Revoke.as_view()), name="revoke-token"),
    path("oauth/introspect", csrf_exempt(oauth.Introspect.as_view()), name="introspect"),
    path("oauth/userinfo", csrf_exempt(oauth.UserInfo.as_view()), name="user-info"),
    path(".well-known/openid-configuration", ConnectDiscoveryInfoView.as_view(), name="oidc-connect-discovery-info"),
    path(".well-known/jwks.json", JwksInfoView.as_view(), name="jwks-info"),
]

urlpatterns = [
    path(f"{BASE}register", views.Register.as_view()),
    path(f"{BASE}token", views.Token.as_view()),
    path(f"{BASE}token/refresh", views.TokenRefresh.as_view()),
    path(f"{BASE}token/revoke", views.TokenRevoke.as_view()),
    path(f"{BASE}me", views.Me.as_view()),
    path("login", pages.Login.as_view(), name="login"),
    path("logout", pages.Logout.as_view(), name="logout"),
    path("", include((oauth_patterns, "oauth2_provider"))),
]
