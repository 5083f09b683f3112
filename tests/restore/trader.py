"""
``python -m tests.restore.trader``: a shop in one process that has a past and goes on trading, until it is told to stop.

Says ``trading`` once it has orders of every fate, and then one line for each order that was accepted: its id.
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from uuid import UUID, uuid4

PASSWORD = "not a secret: of a test"


def main() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("prepare", stdout=sys.stderr)
    have_a_past()
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    print("trading", flush=True)
    trade_until(stopping)


def have_a_past() -> None:
    """Every fate of an order, somebody's note, a letter that was dead and one of the catalog's own edits."""
    from nexus.accounts.models import Customer
    from nexus.inventory.models import store
    from nexus.orders import services as orders
    from tests.journeys.trading import open_catalog, trade

    open_catalog()
    customer = Customer.objects.create_user("ada@test.example", PASSWORD)
    from nexus.eventbus import bus

    bus.drain()
    trade()
    line = orders.Line(sku="LAMP", quantity=1, position=0)
    orders.place_order(customer_id=customer.id, lines=[line], currency="EUR", note="ring twice")
    from nexus.contracts.base import enclose
    from nexus.contracts.orders import OrderCancelled
    from nexus.eventbus.wire import record_of

    record = record_of(enclose(OrderCancelled(order_id=uuid4(), reason="x"), sequence=1))
    store.bury(subscriber="inventory", record=record, error="it was mended since")
    store.mark_replayed(subscriber="inventory", event_id=record.id)


def trade_until(stopping: threading.Event) -> None:
    """Orders come one after the other, some are called off, some leave; stock comes in; events are carried beside."""
    from django.db import connections

    from nexus.eventbus import bus
    from nexus.inventory import services as inventory
    from nexus.orders import services as orders
    from nexus.orders.exceptions import WrongStatus
    from tests.journeys.trading import buy

    bus.start_in_web_process()
    earlier: list[UUID] = []
    while not stopping.wait(0.01):
        order = buy(LAMP=1, key=str(len(earlier)))
        print(order.id, flush=True)
        earlier.append(order.id)
        if len(earlier) % 10 == 0:
            inventory.receive_stock({"LAMP": 10})
        if len(earlier) % 3 == 0:
            with suppress(WrongStatus):
                (orders.cancel_order if len(earlier) % 2 else orders.ship_order)(order_id=earlier[-3])
    connections.close_all()
    # The threads that carry would outlive the connections: as a power cut, what is on its way stays so.
    os._exit(0)


if __name__ == "__main__":
    main()
