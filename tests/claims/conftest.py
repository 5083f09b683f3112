"""One shop that tells all about itself, and the same shop as services behind the gateway."""

from collections.abc import Iterator

import pytest

from tests.journeys.services import Services, behind_the_gateway
from tests.telemetry.observed import ObservedShop


@pytest.fixture(scope="session")
def front(observed: ObservedShop) -> Iterator[Services]:
    with behind_the_gateway(observed) as front:
        yield front
