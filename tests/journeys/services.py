"""The same shop with every app in a process of its own, which has only its own database, behind the gateway's."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from nexus.embedded.run import server_command
from tests.eventually import eventually
from tests.journeys.system import System
from tests.ports import free_port

APPS = ("accounts", "catalog", "inventory", "orders")


class Services(System):
    """
    The same databases, relay and workers as another system. Its web processes, one for each app and one for the
    gateway, can be stopped and started again.
    """

    commands: dict[str, tuple[Sequence[str], dict[str, str]]]

    def adopt(self, name: str, command: Sequence[str], **more: str) -> None:
        """Start a web process."""
        self.commands[name] = (command, more)
        self.launch(name, command=command, **more)

    def start_again(self, name: str) -> None:
        command, more = self.commands[name]
        self.launch(name, command=command, **more)


@contextmanager
def behind_the_gateway(shop: System, *, patience: float = 60) -> Iterator[Services]:
    """The shop as it is seen through the gateway; its relay and workers are those that run already."""
    ports = {app: free_port() for app in APPS}
    front = Services(shop.home, broker_url=shop.broker_url)
    vars(front).update(vars(shop) | {"port": free_port(), "commands": {}})
    keys = f"http://127.0.0.1:{ports['accounts']}/.well-known/jwks.json"
    addresses = ", ".join(f"{app}=http://127.0.0.1:{port}" for app, port in ports.items())
    try:
        for app, port in (ports | {"gateway": front.port}).items():
            own = {"NEXUS_SERVICES": addresses} if app == "gateway" else {"NEXUS_TRUSTED_PROXIES": "1"}
            own |= {"DJANGO_SETTINGS_MODULE": f"nexus.settings.{app}"}
            own |= {"NEXUS_JWKS_URL": keys} if app != "accounts" else {}
            front.adopt(f"web of {app}", server_command(port=port), **own)
        eventually(lambda: front.answers("/livez"), within=patience)
        for path in ("products", "inventory/locations", "accounts/me", "orders"):
            # What needs a token says so; what is not there yet is answered for by the gateway.
            eventually(lambda path=path: front.call("GET", f"/api/v1/{path}").status < 500, within=patience)
        yield front
    finally:
        for name in front.commands:
            if name in shop.processes:
                shop.kill(name)
