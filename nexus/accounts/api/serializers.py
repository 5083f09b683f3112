"""What clients send and get."""

from typing import Any

from django.core.validators import EmailValidator, RegexValidator
from rest_framework import serializers

from nexus.accounts.models import LONGEST_EMAIL, LONGEST_NAME, normalised
from nexus.web.serializers import StrictSerializer, TextField

LONGEST_PASSWORD = LONGEST_TOKEN = 256
NO_ADDRESS = "Not an e-mail address."


class EmailField(TextField):
    """An e-mail address in its stored spelling."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=LONGEST_EMAIL, **options)
        self.validators += [EmailValidator(NO_ADDRESS), RegexValidator(r"\A[\x21-\x7e]+\Z", NO_ADDRESS)]

    def to_internal_value(self, data: Any) -> str:
        return normalised(super().to_internal_value(data))


class PasswordField(TextField):
    """A password as it was typed, spaces included."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=LONGEST_PASSWORD, trim_whitespace=False, write_only=True, **options)


class RegistrationSerializer(StrictSerializer):
    email = EmailField()
    password = PasswordField(help_text="At least 12 characters, not only digits, and not a common one")
    name = TextField(max_length=LONGEST_NAME, required=False, allow_blank=True, default="")


class CredentialsSerializer(StrictSerializer):
    email = EmailField()
    password = PasswordField()


class RefreshTokenSerializer(StrictSerializer):
    refresh_token = TextField(max_length=LONGEST_TOKEN, trim_whitespace=False)


class TokenPairSerializer(serializers.Serializer[Any]):
    access_token = serializers.CharField(help_text="A JWT, good for `expires_in` seconds")
    refresh_token = serializers.CharField(help_text="Good for one new pair, within 30 days")
    token_type = serializers.CharField(default="Bearer")
    expires_in = serializers.IntegerField()
    scope = serializers.CharField(help_text="What the token may do, with spaces between")


class RegisteredSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.CharField()
    name = serializers.CharField()


class ProfileSerializer(RegisteredSerializer):
    registered_at = serializers.DateTimeField(source="date_joined")


class ProfileChangeSerializer(StrictSerializer):
    name = TextField(max_length=LONGEST_NAME, allow_blank=True, required=False)
