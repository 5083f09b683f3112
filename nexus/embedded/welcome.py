"""What ``make run`` says when the shop is open."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from .errors import EmbeddedError

_JSON = "Content-Type: application/json"
_PYTHON = """\
import http.client, json
def post(path, body, **headers):
    shop = http.client.HTTPConnection("127.0.0.1", {port})
    shop.request("POST", path, json.dumps(body), {{"Content-Type": "application/json"}} | headers)
    return json.loads(shop.getresponse().read())
token = post("/api/v1/accounts/token", {customer})["access_token"]
print(json.dumps(post("/api/v1/orders", {order}, Prefer="wait=5", Authorization="Bearer " + token), indent=2))
"""


@dataclass(frozen=True, kw_only=True)
class Login:
    email: str
    password: str


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What the seeding left to log in with and to buy."""

    staff: Login
    customer: Login
    sku: str

    @classmethod
    def read(cls, *, file: Path) -> "Demo":
        """:raises EmbeddedError: the file is missing or says something else"""
        try:
            facts = json.loads(file.read_text())
            return cls(staff=Login(**facts["staff"]), customer=Login(**facts["customer"]), sku=facts["sku"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EmbeddedError(f"{file} does not say how to log in ({error}); remove it and start again.") from None


def order_line(*, demo: Demo, port: int, curl: bool, python: str) -> str:
    """Return one line for the shell that gets the customer a token, places an order and prints the answer."""
    customer = {"email": demo.customer.email, "password": demo.customer.password}
    order = {"lines": [{"sku": demo.sku, "quantity": 1}]}
    if not curl:
        code = _PYTHON.format(port=port, customer=customer, order=order)
        return f"{shlex.quote(python)} -c {shlex.quote(f'exec({code!r})')}"
    call = f"curl -s --noproxy '*' -H '{_JSON}' http://127.0.0.1:{port}/api/v1"
    pick = """sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/'"""
    token = f"$({call}/accounts/token -d {shlex.quote(json.dumps(customer))} | {pick})"
    headers = f"-H \"Authorization: Bearer {token}\" -H 'Prefer: wait=5'"
    return f"{call}/orders -w '\\n' {headers} -d {shlex.quote(json.dumps(order))}"


def welcome(*, demo: Demo, port: int, curl: bool, python: str, staff_port: int = 0) -> str:
    """
    Return the text that greets: addresses, the staff login, and the line that places an order.

    With a port of their own, staff have only the pages of the app that serves there.
    """
    shop, staff = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{staff_port or port}"
    map_ = "" if staff_port else f"  living map    {staff}/admin/map/\n"
    return f"""
Nexus is open.

  shop API      {shop}/
  browse        {shop}/api/v1/products
  API docs      {shop}/api/docs
{map_}  staff admin   {staff}/admin/
                {demo.staff.email}  {demo.staff.password}
  as customer   {shop}/login
                {demo.customer.email}  {demo.customer.password}

Paste this to place an order and see it confirmed:

{order_line(demo=demo, port=port, curl=curl, python=python)}

Ctrl-C stops the shop and its engines; what it stored is kept.
"""
