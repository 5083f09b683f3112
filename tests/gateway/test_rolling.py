"""Instances that are replaced one after another while requests come in."""

import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.gateway.door import door, send, served
from tests.gateway.test_conformance import BASE, request
from tests.ports import free_port

FREE = {"NEXUS_RATE_LIMIT": "0", "NEXUS_REDIS_URL": "redis://127.0.0.1:1/0"}


def test_a_rolling_restart_loses_no_request(tmp_path: Path) -> None:
    """Two instances take turns to be ended and started again; reads and orders with a key go on meanwhile."""
    ports = [free_port(), free_port()]
    addresses = " ".join(f"http://127.0.0.1:{port}" for port in ports)
    seen: Counter[int] = Counter()
    over = threading.Event()

    def shop_on(front: int, name: str) -> None:
        number = 0
        while not over.is_set():
            number += 1
            post = request("POST", f"{BASE}/echo", f"Idempotency-Key: {name}-{number}", body=b"{}")
            for sent in (request("GET", f"{BASE}/pieces"), post):
                answer = send(front, sent)
                seen[answer.status if answer.whole else 0] += 1

    with ExitStack() as stack:
        first, second = (ExitStack(), ExitStack())
        stack.enter_context(first)
        stack.enter_context(second)
        for each, port in ((first, ports[0]), (second, ports[1])):
            each.enter_context(served("tests.gateway.service_app:app", folder=tmp_path, port=port))
        front = stack.enter_context(door({"orders": addresses}, folder=tmp_path, **FREE))
        customers = [threading.Thread(target=shop_on, args=[front, name]) for name in "abcd"]
        for customer in customers:
            customer.start()
        for _ in range(2):
            for each, port in ((first, ports[0]), (second, ports[1])):
                each.pop_all().close()
                each.enter_context(served("tests.gateway.service_app:app", folder=tmp_path, port=port))
                # As whoever replaces processes does: the next one goes when this one answers, not when it listens.
                assert send(port, request("GET", f"{BASE}/pieces")).status == 200
        over.set()
        for customer in customers:
            customer.join(30)

    print(dict(seen))
    assert set(seen) == {200}
    assert seen[200] > 50
