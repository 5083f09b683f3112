"""What a gateway in a process of its own costs: the same orders straight to the shop and through it, by turns."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.bench import Bench, Run
from benchmarks.scenarios import OVERLOAD_CONNECTIONS, medians, settled, under_overload


def measure_door(bench: Bench) -> Run:
    """Orders a second through the gateway ÷ straight to the shop; then three times as many as pass it."""
    runs = []
    with gateway(bench) as port:
        for turn in range(bench.options.runs):
            ports = {"straight": bench.shop.port, "through": port}
            order = ("straight", "through") if turn % 2 == 0 else ("through", "straight")
            found = {name: settled(bench, bench.plan(bench.orders(), port=ports[name])) for name in order}
            rates = {name: run["per_second"].get("201", 0.0) for name, run in found.items()}
            runs.append(found["through"] | rates | {"door_ratio": rates["through"] / rates["straight"]})
        peak = medians(runs, "through")["through"] or 1.0
        for run in runs:
            plan = bench.plan(bench.orders(), port=port, rate=3 * peak, connections=OVERLOAD_CONNECTIONS, grace=2.0)
            pressed = under_overload(bench.measure(plan), peak)
            bench.wait_until_settled()
            run |= {f"door_{name}": pressed[name] for name in ("goodput", "accepted_p99_ms", "improper")}
            run["door_goodput_ratio"] = pressed["overload_goodput_ratio"]
    names = ("door_ratio", "straight", "through", "door_goodput_ratio", "door_accepted_p99_ms", "door_improper")
    return {"runs": runs} | medians(runs, *names)


@contextmanager
def gateway(bench: Bench) -> Iterator[int]:
    """The port of a gateway that knows every app at the shop's."""
    shop = bench.shop
    address = f"http://127.0.0.1:{shop.port}"
    own = {
        "DJANGO_SETTINGS_MODULE": "nexus.settings.gateway",
        "NEXUS_SERVICES": ", ".join(f"{app}={address}" for app in ("accounts", "catalog", "inventory", "orders")),
        "NEXUS_JWKS_URL": f"{address}/.well-known/jwks.json",
    }
    port = shop.start_gateway(**own)
    try:
        yield port
    finally:
        shop.kill("gateway")
