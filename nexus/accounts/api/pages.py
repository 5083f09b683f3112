"""Logging in and out with a browser."""

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from nexus.accounts.forms import LoginForm


class Login(LoginView):
    """`next` is followed within this site only."""

    template_name = "accounts/login.html"
    authentication_form = LoginForm


class Logout(LogoutView):
    """Asks first when somebody merely follows a link."""

    http_method_names = ["get", "post", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "accounts/logout.html")
