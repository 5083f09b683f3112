"""What catalog does when it hears something."""

from collections.abc import Sequence

from nexus.catalog import services
from nexus.contracts.base import Envelope
from nexus.contracts.inventory import StockLevelChanged
from nexus.eventbus.registry import Subscriptions, in_batches


@in_batches
def show_availability_when_stock_levels_change(told: Sequence[Envelope[StockLevelChanged]]) -> None:
    services.show_stock_levels(told)


SUBSCRIPTIONS: Subscriptions = {
    StockLevelChanged: show_availability_when_stock_levels_change,
}
