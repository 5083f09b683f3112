"""The log and the dead letters that the event bus keeps beside the documents, for the admin to show."""

import mongoengine as me

from nexus.catalog.models.connection import ALIAS


class LoggedEvent(me.Document):
    """One fact that catalog told. Never changed, never deleted."""

    position = me.IntField(primary_key=True)
    event_id = me.StringField(db_field="id")
    type = me.StringField()
    subject = me.StringField()
    sequence = me.IntField()
    time = me.DateTimeField()
    data = me.StringField()
    correlation_id = me.StringField()
    causation_id = me.StringField()

    meta = {"collection": "event_log", "db_alias": ALIAS, "strict": False, "auto_create_index": False}


class DeadLetter(me.Document):
    """An event that catalog could not handle, kept whole for people to look at and replay."""

    subscriber = me.StringField()
    event_id = me.StringField()
    type = me.StringField()
    event = me.StringField()
    error = me.StringField()
    attempts = me.IntField()
    first_failed_at = me.DateTimeField()
    last_failed_at = me.DateTimeField()
    replayed_at = me.DateTimeField(null=True)

    meta = {"collection": "dead_letter", "db_alias": ALIAS, "strict": False, "auto_create_index": False}
