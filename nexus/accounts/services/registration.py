"""Becoming a customer, without telling strangers who already is one."""

from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import IntegrityError, transaction

from nexus.accounts.exceptions import WeakPassword
from nexus.accounts.models import Customer, normalised
from nexus.accounts.services import attempts
from nexus.contracts.accounts import CustomerRegistered
from nexus.contracts.base import enclose
from nexus.contracts.errors import FieldError
from nexus.eventbus.stores.postgres import PostgresStore

MAIL_EVERY = 3600
store = PostgresStore("default")

WELCOME = """Your account is ready: log in with this address and the password you chose.

If it was not you, somebody typed your address by mistake. Without the password nothing can happen with it.
"""
ALREADY = """Somebody, probably you, has just tried to open an account with this address.

You have one already, and nothing was changed. If it was not you, there is nothing to do.
"""


def register_customer(*, email: str, password: str, name: str = "") -> Customer:
    """
    Register a customer and announce it.

    For an address that is taken nothing is written: the answer looks the same, costs the same time (the password is
    hashed, a mail is sent either way), and only the owner of the address learns of it.

    :raises WeakPassword: naming what is wrong with the password
    """
    customer = Customer(email=normalised(email), name=name)
    _demand_strength(password, customer)
    customer.password = make_password(password)
    try:
        with transaction.atomic():
            customer.save(force_insert=True)
            announce(customer_id=customer.pk)
    except IntegrityError:
        _tell(customer.email, subject="You already have an account", text=ALREADY)
    else:
        _tell(customer.email, subject="Welcome", text=WELCOME)
    return customer


def announce(*, customer_id: UUID) -> None:
    """Tell the other apps about a customer who was just written in this transaction."""
    store.append([enclose(CustomerRegistered(customer_id=customer_id), sequence=1)])


def _demand_strength(password: str, customer: Customer) -> None:
    try:
        validate_password(password, customer)
    except ValidationError as weak:
        raise WeakPassword(
            errors=[
                FieldError(field="password", code=why.code or "weak", message=" ".join(why.messages))
                for why in weak.error_list
            ]
        ) from None


def _tell(email: str, *, subject: str, text: str) -> None:
    def send() -> None:
        send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [email])

    if attempts.is_first(occasion=subject, email=email, seconds=MAIL_EVERY):
        # Robust: a mail server that is away is logged, and the registration stands.
        transaction.on_commit(send, robust=True)
