"""The Celery application of the workers, with less patience for a handler that does not return."""

from nexus.celery import app

app.conf.task_time_limit = 5
