"""The log goes on where it was, however far the two clusters are apart."""

from contextlib import closing

import pytest

from nexus.contracts.base import Envelope, Event
from nexus.eventbus.stores.base import Batch
from nexus.eventbus.stores.postgres import PostgresStore
from nexus.eventbus.wire import record_of
from tests.eventbus.conftest import lit, tell
from tests.eventbus.moving.conftest import Moved

FAR = 10**12
"""A transaction id that no cluster of ours has come to."""
CONSUMER = "inventory > rabbitmq nexus"


def tell_in(moved: Moved, xid: int, envelope: Envelope[Event]) -> None:
    """As if the source's cluster were at that transaction."""
    record = record_of(envelope)
    row = [record.id, str(xid), record.type, record.subject, record.sequence, record.time, bytes(record.data).decode()]
    into = "INSERT INTO event_log (id, xid, type, subject, sequence, time, data) VALUES (%s, %s, %s, %s, %s, %s, %s)"
    moved.sql(moved.source, into, *row)


def follow(store: PostgresStore, *, limit: int = 100) -> Batch:
    """One step of a relay."""
    with closing(store.reader(CONSUMER)) as reader:
        assert reader.acquire()
        batch = reader.read(limit=limit)
        reader.advance(batch)
    return batch


@pytest.fixture
def ahead(moved: Moved) -> list[Envelope[Event]]:
    """Four events of a cluster that has seen more; by id they stand the other way round."""
    told = [lit() for _ in range(4)]
    for xid, envelope in zip(range(FAR, FAR + 4), reversed(told), strict=True):
        tell_in(moved, xid, envelope)
    return told[::-1]


class TestTheLog:
    def test_is_not_waited_for(self, moved: Moved, ahead: list[Envelope[Event]]) -> None:
        moved.move.switch()

        batch = follow(moved.new)

        assert [record.id for record in batch.records] == [envelope.id for envelope in ahead]
        assert not batch.pending

    def test_keeps_its_positions(self, moved: Moved, ahead: list[Envelope[Event]]) -> None:
        moved.sql(moved.source, f"INSERT INTO relay_cursor VALUES ('{CONSUMER}', '{FAR + 1}:{ahead[1].id}', now())")

        moved.move.switch()

        assert [record.id for record in follow(moved.new).records] == [envelope.id for envelope in ahead[2:]]

    def test_gets_what_is_told_now_behind_what_it_has(self, moved: Moved, ahead: list[Envelope[Event]]) -> None:
        moved.move.switch()
        follow(moved.new)
        new = lit()

        tell(moved.new, new)

        batch = follow(moved.new)
        assert [record.id for record in batch.records] == [new.id]
        assert int(batch.position.partition(":")[0]) > FAR + 3

    def test_still_waits_for_whoever_is_slow(self, moved: Moved, ahead: list[Envelope[Event]]) -> None:
        moved.move.switch()
        follow(moved.new)
        with closing(moved.target.connect()) as slow:
            slow.execute("BEGIN")
            slow.execute("SELECT pg_current_xact_id()")
            tell(moved.new, lit())

            assert follow(moved.new) == Batch(records=[], position=follow(moved.new).position, pending=True)

            slow.execute("COMMIT")
        assert len(follow(moved.new).records) == 1

    def test_is_told_and_replayed_to_its_end(self, moved: Moved, ahead: list[Envelope[Event]]) -> None:
        moved.move.switch()

        kinds = [ahead[0].data.type]
        assert set(moved.new.told(kinds)) == {envelope.id for envelope in ahead}
        [page] = moved.new.history(kinds, size=10)
        assert [record.id for record in page.records] == [envelope.id for envelope in ahead]

    def test_stays_as_it_is_where_the_cluster_has_seen_more(self, moved: Moved) -> None:
        tell(moved.old, lit())

        moved.move.switch()

        assert "0 transactions ahead" in moved.said[-2]
        tell(moved.new, lit())
        assert len(follow(moved.new).records) == 2
