"""A customer: whoever can log in. Staff are customers with permissions."""

import unicodedata
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.encoding import punycode

from nexus.contracts.base import uuid7

LONGEST_EMAIL, LONGEST_NAME = 254, 150


def normalised(email: str) -> str:
    """The one spelling of an address that is stored and looked up; the domain in the form that DNS has."""
    local, at, domain = unicodedata.normalize("NFKC", email).strip().lower().rpartition("@")
    try:
        return f"{local}{at}{punycode(domain)}"
    except UnicodeError:
        return f"{local}{at}{domain}"


class CustomerManager(BaseUserManager["Customer"]):
    """Looks customers up by any spelling of their address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Customer":
        customer = self.model(email=normalised(email), **fields)
        customer.set_password(password)
        customer.save(using=self._db)
        return customer

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Customer":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "Customer":
        return self.get(email=normalised(username or ""))


class Customer(AbstractBaseUser, PermissionsMixin):
    """Somebody with an address to log in with. An erased customer keeps only the id."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField("e-mail address", max_length=LONGEST_EMAIL, unique=True)
    name = models.CharField(max_length=LONGEST_NAME, blank=True)
    is_staff = models.BooleanField("staff", default=False, help_text="May enter the admin.")
    is_active = models.BooleanField("active", default=True, help_text="May log in.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[CustomerManager] = CustomerManager()

    USERNAME_FIELD = EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(email=Lower("email")), name="email_is_lower_case")]
        # One per scope that only staff may hold: the models behind them live in apps that may not be here.
        permissions = [
            ("write_catalog", "Can hold the scope catalog:write"),
            ("write_inventory", "Can hold the scope inventory:write"),
            ("manage_orders", "Can hold the scope orders:manage"),
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        self.email = normalised(self.email)

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name or self.email
