"""The in-process bus, carried by a process that does nothing else."""

import signal

import django

django.setup()

from nexus.eventbus import bus

carrier = bus.Carrier(bus.backend().relays())
signal.signal(signal.SIGTERM, lambda *_: carrier.stop(timeout=0))
carrier.start()
carrier.wait()
