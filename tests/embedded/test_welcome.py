"""The greeting, and the line in it that somebody will paste."""

import json
import shutil
import socket
import subprocess
import sys

import pytest

from nexus.embedded.welcome import order_line, welcome
from tests.eventually import eventually

from .stand_ins import DEMO, SERVER, python


class TestWelcome:
    def test_names_the_addresses_and_the_staff_login(self):
        text = welcome(demo=DEMO, port=8123, curl=True, python=sys.executable)

        for address in ("/\n", "/api/v1/products\n", "/api/docs\n", "/admin/map/\n", "/admin/\n"):
            assert f"http://127.0.0.1:8123{address}" in text
        assert "staff@demo.example  st'aff $1\n" in text

    def test_sends_staff_to_a_port_of_their_own_where_they_have_one(self):
        text = welcome(demo=DEMO, port=8123, curl=True, python=sys.executable, staff_port=9001)

        assert "http://127.0.0.1:9001/admin/\n" in text
        assert "8123/admin" not in text
        assert "living map" not in text

    @pytest.mark.parametrize("curl", [True, False] if shutil.which("curl") else [False])
    def test_has_one_line_that_orders_and_shows_it_confirmed(self, curl, port):
        line = order_line(demo=DEMO, port=port, curl=curl, python=sys.executable)
        with subprocess.Popen(python(SERVER, port, json.dumps(vars(DEMO.customer)))) as server:
            assert eventually(lambda: _listens(port))

            pasted = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
            server.terminate()

        answer = json.loads(pasted.stdout)
        assert "\n" not in line
        assert ("curl" in line) is curl
        assert answer["status"] == "confirmed"
        assert answer["prefer"] == "wait=5"
        assert answer["lines"] == [{"sku": "LAMP-1", "quantity": 1}]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
