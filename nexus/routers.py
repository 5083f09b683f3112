"""A database for each app: every table lives in its app's own, and no query crosses."""

from typing import Any

from django.conf import settings
from django.db.models import Model

SQL_APPS = {"orders", "inventory"}
IN_EVERY_DATABASE = {"eventbus", "web"}
STAFF = "default"


class OneDatabasePerApp:
    """Orders and inventory go to theirs; accounts and what Django keeps about staff go to `default`."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        instance = hints.get("instance")
        if model._meta.app_label in IN_EVERY_DATABASE and instance is not None:
            # A row of the log or the inbox stays where it was read.
            return instance._state.db
        return self._database_of(model._meta.app_label)

    db_for_write = db_for_read

    def allow_relation(self, left: Model, right: Model, **hints: Any) -> bool:
        return self._database_of(left._meta.app_label) == self._database_of(right._meta.app_label)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        if app_label in IN_EVERY_DATABASE:
            # The log, the inbox and the idempotency keys stand beside the tables they are written with.
            return True
        return db == self._database_of(app_label)

    @staticmethod
    def _database_of(app_label: str) -> str:
        return app_label if app_label in SQL_APPS and app_label in settings.DATABASES else STAFF
