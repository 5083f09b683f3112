"""Celery's consumer without what a subscriber must not have."""

from celery.worker.consumer import Consumer

UNWANTED = ("delayed_delivery", "gossip", "mingle")


class SubscriberConsumer(Consumer):
    """
    Leaves out native delayed delivery, which for quorum queues would declare 28 more queues and bind ours a second
    time with a wider key, so that removing a subscription would leave a binding behind. We never send with a delay.
    """

    class Blueprint(Consumer.Blueprint):
        default_steps = [
            step for step in Consumer.Blueprint.default_steps if not any(name in step for name in UNWANTED)
        ]
