from django.urls import include, path
from oauth2_provider.views import ConnectDiscoveryInfoView, JwksInfoView

from nexus.accounts.api import oauth, pages, views

BASE = "api/v1/accounts/"

# The names are those by which django-oauth-toolkit finds its own endpoints for the discovery document.
oauth_patterns = [
    path("oauth/authorize", oauth.Authorize.as_view(), name="authorize"),
    path("oauth/token", oauth.Token.as_view(), name="token"),
    path("oauth/revoke", oauth.Revoke.as_view(), name="revoke-token"),
    path("oauth/introspect", oauth.Introspect.as_view(), name="introspect"),
    path("oauth/userinfo", oauth.UserInfo.as_view(), name="user-info"),
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
