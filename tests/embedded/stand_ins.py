"""What stands in for the project while the flow of ``run`` is tested."""

import sys

from nexus.embedded.welcome import Demo, Login

DEMO = Demo(
    staff=Login(email="staff@demo.example", password="st'aff $1"),
    customer=Login(email="ada@demo.example", password='it\'s "quoted" $HOME `x`'),
    sku="LAMP-1",
)
FACTS = {"staff": vars(DEMO.staff), "customer": vars(DEMO.customer), "sku": DEMO.sku}

SEED = """
import json, os, pathlib, sys
var = pathlib.Path(os.environ["NEXUS_VAR"])
with (var / "steps").open("a") as steps:
    print(sys.argv[1], os.environ["NEXUS_DEMO"], os.environ["NEXUS_REDIS_URL"], file=steps)
(var / "demo.json").write_text(sys.argv[2])
"""

# Answers as the shop does, and refuses whoever does not come with the token of the right customer.
SERVER = """
import http.server, json, sys
customer = json.loads(sys.argv[2])
class Stand(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words): pass
    def answer(self, status, body):
        self.send_response(status); self.end_headers(); self.wfile.write(json.dumps(body).encode())
    def do_GET(self):
        self.answer(200 if self.path == "/livez" else 404, {})
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Content-Type"] != "application/json":
            self.answer(415, {})
        elif self.path == "/api/v1/accounts/token" and body == customer:
            self.answer(200, {"access_token": "a-token", "token_type": "Bearer"})
        elif self.path == "/api/v1/orders" and self.headers["Authorization"] == "Bearer a-token":
            self.answer(201, {"status": "confirmed", "prefer": self.headers["Prefer"], **body})
        else:
            self.answer(401, {"sent": body})
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Stand).serve_forever()
"""

# Takes note of every signal and needs a moment to end.
PATIENT = """
import os, signal, time
told = []
def note(signum, frame):
    os.write(1, b"told\\n")
    told.append(signum)
for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(signum, note)
print("serving", flush=True)
until = time.monotonic() + 20
while not told and time.monotonic() < until:
    time.sleep(0.01)
time.sleep(0.3)  # for a second signal, if there is one
"""

OPEN_SHOP = """
import json, sys
from pathlib import Path
from nexus.embedded.identity import Identity
from nexus.embedded.progress import Progress
from nexus.embedded.run import Shop, Step
var, port, seed, server = sys.argv[1:]
sys.exit(Shop(
    var=Path(var), port=int(port), progress=Progress(stream=sys.stdout),
    steps=[Step(title="filling", command=json.loads(seed))], server=json.loads(server),
).run())
"""


def python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]
