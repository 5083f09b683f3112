"""The living map as a browser draws it: with numbers, without complaint, from this machine alone, on a phone too."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.eventually import eventually
from tests.journeys.system import System, running_system
from tests.journeys.watching import session_of
from tests.ports import free_port

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
"""None is an error, not a skip: `make browser` says what to install."""
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--disable-background-networking"]
FLAGS += ["--no-first-run", "--disable-component-update", "--disable-sync", "--disable-quic"]
PHONE, DESK = (360, 740), (1440, 900)
LOGS = {"browser": "ALL", "performance": "ALL"}
ORDER = "return document.querySelectorAll('#details .step').length"
SAMPLES = "return Number(document.body.dataset.samples || 0)"


class Browser:
    """Chromium by the WebDriver protocol (https://www.w3.org/TR/webdriver2)."""

    def __init__(self, port: int) -> None:
        self.port = port
        options = {"args": FLAGS, "binary": CHROMIUM}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": LOGS}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{session['sessionId']}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as driver:
            driver.request(method, path, None if body is None else json.dumps(body))
            answer = driver.getresponse()
            value = json.loads(answer.read())["value"]
            assert answer.status == 200, value
            return value

    def has_size(self, size: tuple[int, int]) -> None:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.tells_chromium("Emulation.setDeviceMetricsOverride", metrics)

    def tells_chromium(self, command: str, parameters: Any) -> Any:
        return self.call("POST", f"{self.session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def opens(self, url: str) -> None:
        self.call("POST", f"{self.session}/url", {"url": url})

    def is_known_by(self, cookies: str, url: str) -> None:
        """Cookies for the site of a page that is open."""
        self.opens(url)
        for name, _, value in (each.partition("=") for each in cookies.split("; ")):
            self.call("POST", f"{self.session}/cookie", {"cookie": {"name": name, "value": value, "path": "/"}})

    def runs(self, script: str) -> Any:
        return self.call("POST", f"{self.session}/execute/sync", {"script": script, "args": []})

    def presses(self, *keys: str) -> None:
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        body = {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}
        self.call("POST", f"{self.session}/actions", body)

    def complaints(self) -> list[str]:
        lines = self.call("POST", f"{self.session}/se/log", {"type": "browser"})
        return [line["message"] for line in lines if line["level"] in ("WARNING", "SEVERE")]

    def addresses(self) -> set[str]:
        """Everything that was asked for since the browser began."""
        lines = self.call("POST", f"{self.session}/se/log", {"type": "performance"})
        messages = [json.loads(line["message"])["message"] for line in lines]
        sent = [each["params"] for each in messages if each["method"] == "Network.requestWillBeSent"]
        return {each["request"]["url"] for each in sent}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    assert CHROMIUM, "needs Chromium (Debian: apt-get install chromium)"
    with running_system(tmp_path_factory.mktemp("shop")) as system:
        yield system


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    assert DRIVER, "needs ChromeDriver (Debian: apt-get install chromium-driver)"
    port = free_port()
    with (tmp_path / "driver.log").open("wb") as log:
        driver = subprocess.Popen([DRIVER, f"--port={port}"], stdout=log, stderr=log)
    try:
        eventually(lambda: _answers(port))
        browser = Browser(port)
        yield browser
        browser.call("DELETE", browser.session)
    finally:
        driver.terminate()
        driver.wait(10)


def _answers(port: int) -> bool:
    with suppress(OSError), closing(HTTPConnection("127.0.0.1", port, timeout=5)) as driver:
        driver.request("GET", "/status")
        return driver.getresponse().status == 200
    return False


@pytest.fixture
def page(shop: System, browser: Browser) -> Browser:
    """The map, with its first numbers."""
    place = f"http://127.0.0.1:{shop.port}"
    browser.is_known_by(session_of(shop, "staff"), f"{place}/")
    browser.has_size(DESK)
    browser.opens(f"{place}/admin/map/")
    eventually(lambda: browser.runs(SAMPLES) >= 2)
    return browser


def buy(shop: System) -> dict[str, Any]:
    order = {"lines": [{"sku": shop.demo()["sku"], "quantity": 1}]}
    customer = shop.log_in("customer")
    found: dict[str, Any] = shop.call("POST", "/api/v1/orders", order, Authorization=customer, Prefer="wait=10").body
    return found


class TestTheMap:
    def test_is_drawn_with_numbers_and_without_complaint(self, page: Browser) -> None:
        boxes = page.runs(
            "return [...document.querySelectorAll('.box')].map((box) => [box.dataset.id, box.dataset.state,"
            " box.querySelector('.number').textContent, box.getAttribute('aria-label'), box.offsetHeight])"
        )

        assert {name for name, *_ in boxes} >= {"customers", "gateway", "orders", "store-orders", "redis", "bus"}
        for name, state, number, words, height in boxes:
            assert (state, height > 20) == ("well", True), name
            assert number[0].isdigit(), f"{name} shows {number}"
            assert ": well." in words
        assert page.complaints() == []

    def test_asks_this_machine_alone(self, shop: System, page: Browser) -> None:
        asked = {each for each in page.addresses() if not each.startswith("data:")}

        assert len(asked) >= 5
        assert {urlsplit(each).netloc for each in asked} == {f"127.0.0.1:{shop.port}"}

    @pytest.mark.parametrize("width", [360, 420, 768, 1024, 1440])
    def test_never_scrolls_sideways(self, page: Browser, width: int) -> None:
        page.has_size((width, 740))

        assert page.runs("return document.documentElement.scrollWidth") <= width
        assert page.runs("return Math.min(...[...document.querySelectorAll('.box')].map((b) => b.offsetWidth))") > 60

    def test_shows_what_it_is_opened_for_by_keyboard(self, page: Browser) -> None:
        page.runs("document.querySelector('[data-id=orders]').focus()")
        page.presses("\ue007")
        opened = page.runs("return document.querySelector('#details h2').textContent")
        rows = page.runs("return [...document.querySelectorAll('#details td.number')].map((each) => each.textContent)")
        page.presses("\ue00c")

        assert opened == "Orders"
        assert len(rows) >= 5
        assert page.runs("return document.querySelector('#details h2').textContent") == "How to read this"
        assert page.runs("return document.activeElement.dataset.id") == "orders"

    def test_can_be_walked_through_with_the_tab_key(self, page: Browser) -> None:
        page.runs("document.querySelector('[data-id=customers]').focus()")
        walked = []
        for _ in range(8):
            walked.append(page.runs("return document.activeElement.dataset.id"))
            page.presses("\ue004")

        assert walked[:6] == [
            "customers", "customers>gateway", "gateway", "gateway>accounts", "accounts", "accounts>store-accounts",
        ]  # fmt: skip

    def test_follows_an_order(self, shop: System, page: Browser) -> None:
        order = buy(shop)
        page.runs(f"document.getElementById('reference').value = '{order['number']}'")
        page.runs("document.querySelector('#find [type=submit]').click()")
        eventually(lambda: page.runs(ORDER) == 5)
        page.runs("document.querySelectorAll('.step')[1].click()")

        lit = page.runs("return [...document.querySelectorAll('.arrow.on-step')].map((each) => each.dataset.id)")

        assert page.runs("return document.querySelector('#details h2').textContent") == f"Order {order['number']}"
        assert sorted(lit) == ["bus>inventory", "inventory>store-inventory"]
        assert page.complaints() == []

    def test_says_when_there_is_no_such_order(self, page: Browser) -> None:
        page.runs("document.getElementById('reference').value = 'N-2026-999999'")
        page.runs("document.querySelector('#find [type=submit]').click()")

        found = eventually(lambda: page.runs("return document.getElementById('found').textContent"))

        assert found.startswith("There is no such order")

    def test_keeps_still_for_who_asks_for_it(self, shop: System, page: Browser) -> None:
        calm = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
        page.tells_chromium("Emulation.setEmulatedMedia", calm)
        page.runs("window.dots = 0; new MutationObserver((all) => all.forEach((each) => { window.dots +="
                  " [...each.addedNodes].filter((n) => n.className === 'dot').length; }))"
                  ".observe(document.body, { childList: true, subtree: true })")  # fmt: skip
        samples = page.runs(SAMPLES)
        buy(shop)
        eventually(lambda: page.runs(SAMPLES) >= samples + 3)
        quiet = page.runs("return window.dots")
        page.tells_chromium("Emulation.setEmulatedMedia", {"features": []})

        assert quiet == 0
        eventually(lambda: (buy(shop), page.runs("return window.dots"))[1] > 0)

    def test_says_when_the_connection_is_lost_and_finds_it_again(self, shop: System, page: Browser) -> None:
        said = "return document.getElementById('link').textContent.trim()"
        shop.kill("web")
        try:
            eventually(lambda: "trying again" in page.runs(said))
        finally:
            shop.start("web")

        assert eventually(lambda: page.runs(said) == "live")
