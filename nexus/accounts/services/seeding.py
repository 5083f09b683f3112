"""The customers of a made-up shop, and logins for a demo."""

import secrets
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import transaction

from nexus.accounts.models import Customer
from nexus.accounts.services.registration import announce
from nexus.contracts.seeding import Progress, SeedPlan

BATCH = 200
FIRST = ["Ada", "Bruno", "Chiara", "Dana", "Emil", "Farah", "Goran", "Hanna", "Ines", "Jonas", "Kaya", "Luis"]
LAST = ["Ahrens", "Berg", "Costa", "Dumont", "Eriksen", "Fischer", "Garcia", "Horvat", "Ito", "Jansen", "Kowal"]
STAFF, CUSTOMER = "staff@nexus.example", "customer@nexus.example"


def fill_customers(plan: SeedPlan) -> Progress:
    """Add the customers that are missing. Nobody can log in as one: they have no password."""
    for start in range(0, plan.customers, BATCH):
        numbers = range(start, min(start + BATCH, plan.customers))
        wanted = {plan.customer_id(number): number for number in numbers}
        known = set(Customer.objects.filter(pk__in=wanted).values_list("pk", flat=True))
        with transaction.atomic():
            missing = [_customer(plan, number) for identity, number in wanted.items() if identity not in known]
            for customer in Customer.objects.bulk_create(missing):
                announce(customer_id=customer.pk)
        yield numbers.stop, plan.customers


def make_demo_logins() -> dict[str, Any]:
    """A staff member and a customer with passwords made just now; made anew when called again."""
    return {
        "staff": _login(STAFF, "Demo staff", is_staff=True, is_superuser=True),
        "customer": _login(CUSTOMER, "Demo customer"),
    }


def _customer(plan: SeedPlan, number: int) -> Customer:
    first, last = FIRST[number % len(FIRST)], LAST[number // len(FIRST) % len(LAST)]
    return Customer(
        pk=plan.customer_id(number),
        email=f"{first}.{last}.{plan.seed}.{number}@customers.example".lower(),
        name=f"{first} {last}",
        password=f"{UNUSABLE_PASSWORD_PREFIX}{number}",
    )


def _login(email: str, name: str, **rights: bool) -> dict[str, str]:
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        customer, new = Customer.objects.get_or_create(email=email, defaults={"name": name, **rights})
        customer.set_password(password)
        customer.save()
        if new:
            announce(customer_id=customer.pk)
    return {"email": email, "password": password}
