"""The process that delivers events to one subscriber."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from nexus.eventbus import bus
from nexus.eventbus.backends.celery.topology import Topology
from nexus.eventbus.registry import members


class Command(BaseCommand):
    help = "Deliver events to one subscriber (an app that hears something); the process becomes a Celery worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subscriber", choices=sorted(name for name, each in members.items() if each.handlers))
        parser.add_argument("--concurrency", type=int, default=1, help="pool processes (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        subscriber = options["subscriber"]
        if bus.backend().CARRIED_BY_WEB:
            raise CommandError("With NEXUS_EVENT_BUS=inprocess the web process delivers events itself.")
        queue = Topology(settings.EVENT_BUS["NAMESPACE"]).queue_name(subscriber)
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "nexus.celery",
            "worker",
            "-Q",
            queue,
            "-n",
            f"{subscriber}@%h",
        ]
        command += ["--concurrency", str(options["concurrency"]), "--loglevel", "WARNING"]
        os.execve(sys.executable, command, os.environ | {"NEXUS_SUBSCRIBER": subscriber})  # noqa: S606
