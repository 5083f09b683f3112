"""
The Celery application that subscribers' workers run: ``manage.py worker orders``.

One worker process group works for one subscriber, because all subscribers know an event by the same task name.
"""

import os

import django
from celery import Celery, signals

from nexus.telemetry.processes import share_figures

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nexus.settings.monolith")
if _subscriber := os.environ.get("NEXUS_SUBSCRIBER"):
    # Counted by the children, told by their parent; before anything that counts is imported.
    share_figures(role=f"worker-{_subscriber}", owner=os.getpid())
django.setup()

from django.conf import settings  # noqa: E402

from nexus.eventbus.backends.celery.connecting import shuffled  # noqa: E402
from nexus.eventbus.backends.celery.delivering import deliver_message  # noqa: E402
from nexus.eventbus.backends.celery.publisher import SOCKET_TIMEOUT, TASK  # noqa: E402
from nexus.eventbus.backends.celery.topology import Topology  # noqa: E402
from nexus.eventbus.garbage import look_at_new_objects_only  # noqa: E402
from nexus.eventbus.registry import members  # noqa: E402
from nexus.telemetry import tracing  # noqa: E402
from nexus.telemetry.exposition import serve_if_asked  # noqa: E402

_topology = Topology(settings.EVENT_BUS["NAMESPACE"])
_member = members.get(settings.EVENT_BUS["SUBSCRIBER"])

app = Celery("nexus")
app.conf.update(
    # Celery takes the first that answers.
    broker_url=";".join(shuffled()),
    broker_transport_options={"confirm_publish": True, "read_timeout": SOCKET_TIMEOUT, "write_timeout": SOCKET_TIMEOUT},
    broker_heartbeat=10,
    broker_connection_timeout=4,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_queues=[_topology.queue(_member)] if _member else [],
    # A typo in a queue's name must fail, not create a queue that nobody reads.
    task_create_missing_queues=False,
    task_default_queue=_topology.queue_name(_member.name) if _member else "nobody",
    # Acknowledged only when the effect is committed, not when the worker was lost, failed or ran out of time.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_acks_on_failure=False,
    task_acks_on_timeout=False,
    # Longer than a worker is patient with a store that is away, shorter than RabbitMQ's half hour for an ack.
    task_time_limit=1500,
    task_ignore_result=True,
    result_backend=None,
    accept_content=["json"],
    task_serializer="json",
    worker_consumer="nexus.eventbus.backends.celery.consumer:SubscriberConsumer",
    worker_detect_quorum_queues=True,
    worker_prefetch_multiplier=4,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_soft_shutdown_timeout=10,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    # Celery would throw each child's connections to Postgres away after every message; `deliver_message` takes care of
    # those that are dead.
    CELERY_DB_REUSE_MAX=10**9,
)
app.task(name=TASK)(deliver_message)
signals.worker_init.connect(lambda **_: look_at_new_objects_only(), weak=False)
# What sends spans has a thread of its own, and a thread does not come along into a child.
signals.worker_process_init.connect(lambda **_: tracing.begin_if_asked("worker"), weak=False)
signals.worker_process_shutdown.connect(lambda **_: tracing.end(), weak=False)
signals.worker_ready.connect(lambda **_: serve_if_asked(), weak=False)
