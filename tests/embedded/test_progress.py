"""What the person at the terminal sees meanwhile."""

import io

from nexus.embedded.progress import Progress
from tests.eventually import eventually


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestProgress:
    def test_is_plain_lines_where_there_is_no_terminal(self):
        said = io.StringIO()

        with Progress(stream=said).step(title="filling"):
            pass

        assert said.getvalue() == "filling …\nfilling … 0.0 s\n"

    def test_is_a_running_clock_on_a_terminal(self):
        said = _Terminal()

        with Progress(stream=said).step(title="filling"):
            assert eventually(lambda: said.getvalue().count("filling … ") >= 2)

        assert said.getvalue().startswith("\r\x1b[Kfilling … 0.1 s\r\x1b[K")
        assert said.getvalue().count("\n") == 1
