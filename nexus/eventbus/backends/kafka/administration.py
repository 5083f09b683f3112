"""Kafka made what the code says: creating topics, finding what is left over, looking at how far groups have read."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from django.conf import settings

from nexus.eventbus.backends import Depth
from nexus.eventbus.backends.kafka.publisher import Outgoing, Publisher
from nexus.eventbus.backends.kafka.topology import (
    ANSWER_WITHIN,
    PARTITIONS,
    Topology,
    client,
    create_missing,
    done,
    partitions_of_topics,
)
from nexus.eventbus.registry import Member, members

Place = tuple[str, int]


def prepare() -> None:
    """Create the topics that this process' publishers and subscribers need."""
    create_missing(AdminClient(client()), _topology().topics_of(members.values()))


def sync(*, prune: bool) -> list[str]:
    """
    Create what is missing; find what an app has left that stopped hearing, and take it away with `prune`, but never
    messages.

    :raises BrokerAway: it does not answer
    """
    admin, wanted = AdminClient(client()), _topology().topics_of(members.values())
    lines = [f"created topic {name}" for name in create_missing(admin, wanted)]
    there = partitions_of_topics(admin)
    lines += [
        f"topic {name} has {there[name]} partitions, not {PARTITIONS}: change that only with relays and workers at rest"
        for name in wanted
        if there.get(name, PARTITIONS) != PARTITIONS
    ]
    for member in members.values():
        if not member.handlers:
            lines += _left_over(admin, member, there, prune=prune)
    return lines


def _left_over(admin: AdminClient, member: Member, there: dict[str, int], *, prune: bool) -> Iterator[str]:
    group = _topology().group(member.name)
    known = admin.list_consumer_groups(request_timeout=ANSWER_WITHIN).result(ANSWER_WITHIN).valid
    if group in {each.group_id for each in known}:
        if prune:
            done(admin.delete_consumer_groups([group])[group])
        yield f"group {group} {'was' if prune else 'is'} of an app that hears nothing"
    for topic in (_topology().replays(member.name), _topology().dead(member.name)):
        places = [(topic, partition) for partition in range(there.get(topic, 0))]
        if not places:
            continue
        held = sum(_ends(admin, places).values()) - sum(_beginnings(admin, places).values())
        if prune and not held:
            done(admin.delete_topics([topic])[topic])
        yield f"topic {topic} {'was' if prune and not held else 'is'} of an app that hears nothing; messages: {held}"


def depths() -> dict[str, Depth]:
    """
    What each subscriber's group has yet to pass, types that it does not hear among it, and what it could not read.

    :raises BrokerAway: it does not answer
    """
    admin = AdminClient(client())
    there = partitions_of_topics(admin)

    def left(group: str, topics: Sequence[str]) -> int:
        places = [(topic, partition) for topic in topics for partition in range(there.get(topic, 0))]
        return sum(max(0, end - begin) for begin, end in _unread(admin, group, places).values())

    return {
        member.name: Depth(
            waiting=left(_topology().group(member.name), _topology().heard_by(member)),
            set_aside=left(_topology().dead(member.name), [_topology().dead(member.name)]),
        )
        for member in members.values()
        if member.handlers
    }


def take_back(subscriber: str) -> int:
    """
    Hand to the subscriber again what it could not read, and remember how far that went; how many messages it were.

    :raises BrokerAway: it does not answer
    :raises PublishFailed: not everything was confirmed; nothing counts as taken back
    """
    admin, dead = AdminClient(client()), _topology().dead(subscriber)
    places = [(dead, partition) for partition in range(partitions_of_topics(admin).get(dead, 0))]
    unread = {place: (begin, end) for place, (begin, end) in _unread(admin, dead, places).items() if begin < end}
    # Its position is kept under a group that nobody joins.
    with closing(Consumer(client(**{"group.id": dead, "enable.auto.commit": False}))) as consumer:
        consumer.assign([TopicPartition(*place, begin) for place, (begin, _) in unread.items()])
        messages = list(_read(consumer, {place: end for place, (_, end) in unread.items()}))
        topic = _topology().replays(subscriber)
        with closing(Publisher(lambda _: topic)) as publish:
            publish.send([_as_it_was(message, topic=topic) for message in messages])
        if unread:
            passed = [TopicPartition(*place, end) for place, (_, end) in unread.items()]
            consumer.commit(offsets=passed, asynchronous=False)
    return len(messages)


def _read(consumer: Consumer, ends: dict[Place, int]) -> Iterator[Message]:
    """No more than is there now: what fails again comes back behind it."""
    left = dict(ends)
    while left:
        message = consumer.poll(ANSWER_WITHIN)
        if message is None or message.error():
            raise TimeoutError(f"messages before {left} do not come")
        place = (message.topic(), message.partition())
        if message.offset() < ends[place]:
            yield message
        if message.offset() + 1 >= ends[place]:
            left.pop(place, None)


def _as_it_was(message: Message, *, topic: str) -> Outgoing:
    headers = [(name, value) for name, value in message.headers() or [] if not name.startswith("nexus-")]
    return Outgoing(topic=topic, key=message.key(), value=message.value(), headers=headers)


def _unread(admin: AdminClient, group: str, places: Sequence[Place]) -> dict[Place, tuple[int, int]]:
    """From where to where the group has yet to read."""
    if not places:
        return {}
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(*place) for place in places])
    answer = admin.list_consumer_group_offsets([asked])[group].result(ANSWER_WITHIN)
    passed = {(each.topic, each.partition): each.offset for each in answer.topic_partitions}
    beginnings = _beginnings(admin, places)
    return {place: (max(passed.get(place, -1), beginnings[place]), end) for place, end in _ends(admin, places).items()}


def _beginnings(admin: AdminClient, places: Sequence[Place]) -> dict[Place, int]:
    return _offsets(admin, places, OffsetSpec.earliest())


def _ends(admin: AdminClient, places: Sequence[Place]) -> dict[Place, int]:
    return _offsets(admin, places, OffsetSpec.latest())


def _offsets(admin: AdminClient, places: Sequence[Place], spec: OffsetSpec) -> dict[Place, int]:
    asked = {TopicPartition(*place): spec for place in places}
    found = admin.list_offsets(asked, request_timeout=ANSWER_WITHIN)
    return {(place.topic, place.partition): future.result(ANSWER_WITHIN).offset for place, future in found.items()}


def _topology() -> Topology:
    return Topology(settings.EVENT_BUS["NAMESPACE"])
