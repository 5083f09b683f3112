"""What customers do with their own data."""

import json
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone
from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken

from nexus.accounts.exceptions import NoSuchCustomer, StaffCannotBeErased
from nexus.accounts.models import Customer
from nexus.accounts.selectors import get_customer
from nexus.accounts.services.registration import store
from nexus.contracts.accounts import CustomerErased
from nexus.contracts.base import enclose
from nexus.web.models import IdempotencyKey


def change_profile(*, customer_id: UUID, name: str | None = None) -> Customer:
    """
    Change what is given, leave the rest.

    :raises NoSuchCustomer: unknown, erased or deactivated
    """
    customer = get_customer(customer_id=customer_id)
    if name is not None:
        customer.name = name
        # Only where it still stands: an erasure at this moment must not get a name back.
        Customer.objects.filter(pk=customer_id, is_active=True).update(name=name)
    return customer


def erase_customer(*, customer_id: UUID) -> None:
    """
    Forget everything personal about a customer, end every session, and tell the other apps to do the same.

    The row stays with nothing but its id, so that what refers to it (orders, the admin's log) stays whole.

    :raises NoSuchCustomer: unknown, erased or deactivated
    :raises StaffCannotBeErased: has rights that somebody else has to take away first
    """
    with transaction.atomic():
        customer = Customer.objects.select_for_update().filter(pk=customer_id, is_active=True).first()
        if customer is None:
            raise NoSuchCustomer
        if customer.is_staff:
            raise StaffCannotBeErased
        _forget_traces(customer)
        customer.email, customer.name, customer.is_active = f"{customer.pk}@erased.invalid", "", False
        customer.set_unusable_password()
        customer.last_login = None
        customer.save()
        sequence = len(store.stream(str(customer.pk))) + 1
        store.append([enclose(CustomerErased(customer_id=customer.pk), sequence=sequence)])


def sign_out_everywhere(*, customer_id: UUID) -> None:
    """No refresh token of the customer works any more; access tokens run out within minutes."""
    with transaction.atomic():
        AccessToken.objects.filter(user_id=customer_id).delete()
        Grant.objects.filter(user_id=customer_id).delete()
        now = timezone.now()
        RefreshToken.objects.filter(user_id=customer_id, revoked=None).update(revoked=now, updated=now)


def _forget_traces(customer: Customer) -> None:
    """Tokens, answers kept for idempotency, and the admin's log, which quotes the address."""
    for kind in (AccessToken, RefreshToken, IDToken, Grant):
        kind.objects.filter(user=customer).delete()
    IdempotencyKey.objects.using("default").filter(body__contains=json.dumps(customer.email)).delete()
    about = ContentType.objects.get_for_model(Customer)
    LogEntry.objects.filter(content_type=about, object_id=str(customer.pk)).update(object_repr=str(customer.pk))
