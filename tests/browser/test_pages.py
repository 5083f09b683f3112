"""Pages as a browser shows them: scripts run, styles load, and our own policy stops nothing that we need."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.system import System, running_system

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
"""None is an error, not a skip: `make browser` says what to install."""
QUIET = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
COMPLAINT = re.compile(r"CONSOLE.*(?:Refused|violates|Uncaught|Failed to load).*")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    assert CHROMIUM, "needs Chromium (Debian: apt-get install chromium)"
    with running_system(tmp_path_factory.mktemp("shop")) as system:
        yield system


class Browser:
    """Opens pages with a fresh profile; keeps what the console said."""

    def __init__(self, profile: Path) -> None:
        self.profile = profile
        self.complaints: list[str] = []

    def open(self, url: str) -> str:
        """The page as it is after its scripts have run."""
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--enable-logging=stderr", "--v=0"]
        place = [f"--user-data-dir={self.profile}", "--no-proxy-server", "--virtual-time-budget=8000"]
        command = [str(CHROMIUM), *flags, *QUIET, *place, "--dump-dom", url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stderr[-2000:]
        self.complaints = COMPLAINT.findall(done.stderr)
        return done.stdout


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    return Browser(tmp_path)


class TestPages:
    @pytest.mark.parametrize(
        ("path", "drawn"),
        [
            ("/", "behind one door"),
            ("/login", "E-mail address"),
            ("/admin/login/", "Nexus"),
            # Drawn by scripts: the operations of Swagger UI, the coloured JSON of the browsable API.
            ("/api/docs", 'class="opblock'),
            ("/api/v1/products", 'class="kwd"'),
        ],
    )
    def test_are_drawn_without_complaint(self, shop: System, browser: Browser, path: str, drawn: str) -> None:
        page = browser.open(f"http://127.0.0.1:{shop.port}{path}")

        assert drawn in page
        assert browser.complaints == []

    def test_complain_where_the_policy_stops_a_script(self, shop: System, browser: Browser, tmp_path: Path) -> None:
        page = tmp_path / "page.html"
        policy = "<meta http-equiv='Content-Security-Policy' content=\"script-src 'self'\">"
        page.write_text(f"<!doctype html>{policy}<script>document.title = 'ran'</script>")

        browser.open(page.as_uri())

        assert len(browser.complaints) == 1
