"""Logging in with a browser, through the same check as everywhere."""

from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm

from nexus.accounts.exceptions import TooManyAttempts, WrongCredentials
from nexus.accounts.services import check_credentials
from nexus.web.addresses import network_of


class LoginForm(AuthenticationForm):
    """Address and password; failures are counted together with those at the API."""

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password:
            network = network_of(self.request) if self.request else ""
            try:
                self.user_cache = check_credentials(email=email, password=password, network=network)
            except WrongCredentials:
                raise self.get_invalid_login_error() from None
            except TooManyAttempts as wait:
                message = f"Too many failed attempts. Try again in {wait.retry_after} seconds."
                raise forms.ValidationError(message, code="too_many_attempts") from None
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


class StaffLoginForm(LoginForm, AdminAuthenticationForm):
    """The same for the admin, which lets staff in only."""
