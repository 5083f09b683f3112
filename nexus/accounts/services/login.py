"""Who knows the password: the one check behind tokens, the login page and the admin."""

from django.contrib.auth import authenticate

from nexus.accounts.exceptions import WrongCredentials
from nexus.accounts.models import Customer, normalised
from nexus.accounts.services import attempts


def check_credentials(*, email: str, password: str, network: str) -> Customer:
    """
    The customer whose address and password these are; an unknown address costs as much time as a wrong password.

    `network` is where the attempt comes from.

    :raises WrongCredentials: they do not belong together, or the customer may not log in
    :raises TooManyAttempts: too many failures; the password was not even looked at
    """
    email = normalised(email)
    attempts.check(email=email, network=network)
    customer = authenticate(None, username=email, password=password)
    if not isinstance(customer, Customer):
        attempts.failed(email=email, network=network)
        raise WrongCredentials
    attempts.succeeded(email=email, network=network)
    return customer
