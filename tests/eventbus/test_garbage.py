"""What the garbage collector of a process that stays has to look through."""

import json
import os
import subprocess
import sys

BORN_OF_A_WORKER = """
import gc, json, os
import nexus.celery
from celery import signals
signals.worker_init.send(sender=None)
if (child := os.fork()):
    os.waitpid(child, 0)
else:
    print(json.dumps([gc.get_freeze_count() > 10_000, gc.get_threshold()[0]]), flush=True)
    os._exit(0)
"""


def test_a_workers_child_does_not_look_through_what_was_loaded_before_it() -> None:
    settings = {"DJANGO_SETTINGS_MODULE": "nexus.settings.test"}
    done = subprocess.run(
        [sys.executable, "-c", BORN_OF_A_WORKER], env=os.environ | settings, capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout) == [True, 10_000]
