"""The topology is what the code says, and what waits can be seen."""

from dataclasses import replace

import pytest

from nexus.eventbus import registry
from nexus.eventbus.backends import Depth, kafka
from nexus.eventbus.backends.kafka import topology
from nexus.eventbus.registry import Member
from nexus.eventbus.wire import record_of
from tests.eventbus.conftest import DATABASES, Witness, lit
from tests.eventbus.kafka.toys import junk, send, working
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


class TestAdministration:
    def test_counts_what_waits(self, namespace: str, member: Member) -> None:
        send(f"{namespace}.toys", *(lit() for _ in range(7)))
        kafka.send_to("toys", [record_of(lit())])

        assert kafka.depths() == {"toys": Depth(waiting=8)}

    def test_takes_back_what_could_not_be_read(self, namespace: str, member: Member, witness: Witness) -> None:
        told = lit()
        send(f"{namespace}.toys.dead", told)
        junk(f"{namespace}.toys.dead", b"junk")

        counts = [kafka.take_back("toys"), kafka.take_back("toys")]

        assert counts == [2, 0]
        with working(member):
            eventually(lambda: witness.seen == [told.id])
            eventually(lambda: kafka.depths()["toys"] == Depth(set_aside=1))

    def test_creates_what_is_missing_and_says_so(self, namespace: str, member: Member) -> None:
        admin = topology.AdminClient(topology.client())
        topology.done(admin.delete_topics([f"{namespace}.toys"])[f"{namespace}.toys"])

        lines = [kafka.sync(prune=False), kafka.sync(prune=False)]

        assert lines == [[f"created topic {namespace}.toys"], []]

    def test_takes_away_what_an_app_left_that_stopped_hearing_but_no_messages(
        self, namespace: str, member: Member, witness: Witness
    ) -> None:
        told = lit()
        send(f"{namespace}.toys", told)
        junk(f"{namespace}.toys", b"junk")
        with working(member):
            eventually(lambda: kafka.depths()["toys"] == Depth(set_aside=1))
        registry.members["toys"] = replace(member, handlers={})

        found, pruned, after = kafka.sync(prune=False), kafka.sync(prune=True), kafka.sync(prune=True)

        assert len(found) == len(pruned) == 3
        assert after == [f"topic {namespace}.toys.dead is of an app that hears nothing; messages: 1"]
