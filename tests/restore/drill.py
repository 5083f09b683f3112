"""
``python -m tests.restore.drill``: the disaster drill of docs/operations.md, line by line, on a port and in a folder of
its own; and the copying of Postgres by its own tools, as it stands there.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from nexus.embedded import ports
from nexus.embedded.identity import Identity
from nexus.embedded.launcher import engines
from nexus.embedded.postgres import Postgres
from nexus.embedded.wheels import VARIABLES
from tests.eventually import eventually

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "operations.md"
DRILL = re.compile(r"### Disaster drill\n.*?```sh\n(.*?)```", re.DOTALL)
BASE_BACKUP = re.compile(r"^docker compose exec --no-TTY postgres (pg_basebackup .*) > (\S+)$", re.MULTILINE)
WITHIN = 900.0
BY = ("all as they were", "every invariant holds", "ok      ")


def drill(home: Path) -> str:
    """Everything that the drill printed."""
    found = DRILL.search(PAGE.read_text())
    assert found, "the drill is gone"
    port = str(ports.choose(file=home / "port"))
    words = found[1].replace(":8080", f":{port}").replace("backups/", f"{home}/backups/")
    words = words.replace("mv var var.lost", f"mv {home}/var {home}/var.lost")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("NEXUS_", "DJANGO_"))}
    environment = plain | {"NEXUS_VAR": f"{home}/var", "NEXUS_PORT": port}
    log = home / "drill.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            # Ended by a signal, as the page ends it, the shop has a status that is no failure.
            ["sh", "-eux", "-c", words.replace("wait $SHOP", "wait $SHOP || true")],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            status = process.wait(WITHIN)
        finally:
            _end(process.pid, home / "var")
    said = log.read_text()
    assert status == 0, said
    assert [each for each in BY if each not in said] == [], said
    assert "BROKEN" not in said, said
    return said


def _end(group: int, var: Path) -> None:
    """A drill that stopped half way leaves a shop running."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
    record = Postgres(var=var, durable=True).record
    eventually(lambda: not ((process := Identity.read(file=record)) and process.is_running()), within=60)


def copy_as_the_page_says(home: Path) -> None:
    """A cluster copied by the page's own words comes up elsewhere."""
    found = BASE_BACKUP.search(PAGE.read_text())
    assert found, "the command is gone"
    for name in VARIABLES:
        os.environ.pop(name, None)
    with engines(var=home / "first", durable=False, announce=print) as addresses:
        server = addresses[Postgres.variable].rpartition("/")[0]
        tool = Postgres(var=home, durable=False).program().parent
        place = f"--dbname={server}/?sslmode=disable"
        copy = f"{tool}/{found[1]} {place} > {home}/{found[2]}"
        subprocess.run(["sh", "-c", copy], check=True)
    unpacked = home / "unpacked"
    unpacked.mkdir(mode=0o700)
    subprocess.run(["tar", "--extract", "--file", f"{home}/{found[2]}", "--directory", unpacked], check=True)
    Postgres(var=home / "second", durable=False).take_over(unpacked)
    with engines(var=home / "second", durable=False, announce=print):
        pass


def main() -> int:
    home = Path(tempfile.mkdtemp(prefix="nexus-drill-")).resolve()
    home.chmod(0o755)
    try:
        copy_as_the_page_says(home)
        print(drill(home))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print("restore drill passed: by the words of docs/operations.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
