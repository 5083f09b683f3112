"""A Postgres that restarts, hangs or forgets us costs a bounded wait, and is used again as soon as it is back."""

import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, OperationalError

from nexus.eventbus.postgresql.base import DatabaseWrapper
from nexus.eventbus.postgresql.connection import PatientConnection
from nexus.eventbus.postgresql.door import MOST_LATE, REST, TRIAL, Door, LeftAlone
from tests.eventually import eventually
from tests.faultproxy import FaultProxy, Toxic, fault_proxy

NOT_FOR_EVER = 60
"""Seconds: what has to end ends sooner, even on a busy machine."""


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    server = settings.DATABASES["default"]
    with fault_proxy(server["HOST"], int(server["PORT"])) as proxy:
        yield proxy


class Database:
    """The server's own database behind the proxy, asked as Django does in each of its threads."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._alias = secrets.token_hex(4)
        self._settings = deepcopy(settings.DATABASES["default"])
        self._settings |= {"NAME": "postgres", "HOST": "127.0.0.1", "PORT": str(proxy.port)}

    def ask(self, query: str = "SELECT 42") -> Any:
        wrapper = self.connection()
        try:
            with wrapper.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchone()[0]
        finally:
            wrapper.close()

    def connection(self) -> DatabaseWrapper:
        return DatabaseWrapper(self._settings, self._alias)

    def answers(self) -> bool:
        try:
            return bool(self.ask() == 42)
        except OperationalError:
            return False

    def why_not(self, query: str = "SELECT 42") -> BaseException | None:
        """What kept the answer away."""
        with pytest.raises(OperationalError) as refusal:
            self.ask(query)
        return refusal.value.__cause__


@pytest.fixture
def database(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any) -> Iterator[Database]:
    monkeypatch.setattr(settings, "STATEMENT_SECONDS", 2)
    database = Database(proxy)
    with django_db_blocker.unblock():
        yield database
        database.connection().close_pool()
        # The doors are remembered by name, and this one is every test's.
        proxy.heal()


@pytest.fixture(autouse=True)
def open_doors(monkeypatch: pytest.MonkeyPatch) -> None:
    from collections import defaultdict

    from nexus.eventbus.postgresql import base, connection

    doors: defaultdict[str, Door] = defaultdict(Door)
    for module in (base, connection):
        monkeypatch.setattr(module, "doors", doors)


class TestASilentServer:
    def test_is_given_up_in_the_end_and_asked_again_when_it_speaks(self, database: Database, proxy: FaultProxy) -> None:
        assert database.answers()
        proxy.inflict(Toxic(silent=True))

        began = time.monotonic()
        assert "does not answer" in str(database.why_not())
        assert time.monotonic() - began < NOT_FOR_EVER

        proxy.heal()
        assert eventually(database.answers)

    def test_is_left_alone_by_those_who_come_next(self, database: Database, proxy: FaultProxy) -> None:
        assert database.answers()
        proxy.inflict(Toxic(silent=True))
        database.why_not()

        assert isinstance(database.why_not(), LeftAlone)

    def test_does_not_get_all_threads_to_wait_for_it(self, database: Database, proxy: FaultProxy) -> None:
        everybody = 2 * MOST_LATE
        wrappers = threading.local()
        all_in, silence = threading.Barrier(everybody + 1, timeout=60), threading.Event()

        def wait_for_it(_: int) -> BaseException | None:
            wrapper = wrappers.mine = database.connection()
            try:
                with wrapper.cursor() as cursor:
                    cursor.execute("SELECT 1")
                    all_in.wait()
                    silence.wait(60)
                    with pytest.raises(OperationalError) as refusal:
                        cursor.execute("SELECT 1")
                return refusal.value.__cause__ and refusal.value.__cause__.__cause__
            finally:
                wrapper.close()

        with ThreadPoolExecutor(everybody) as pool:
            reasons = pool.map(wait_for_it, range(everybody))
            all_in.wait()
            proxy.inflict(Toxic(silent=True))
            silence.set()
            turned_away = sum(isinstance(reason, LeftAlone) for reason in reasons)

        assert turned_away == everybody - MOST_LATE


class TestAServerThatIsGone:
    def test_is_used_again_when_it_is_back(self, database: Database, proxy: FaultProxy) -> None:
        assert database.answers()
        proxy.inflict(Toxic(down=True))
        assert not database.answers()

        proxy.heal()

        assert eventually(database.answers)

    def test_leaves_no_attempt_to_reconnect_behind_that_others_would_have_to_wait_for(
        self, database: Database, proxy: FaultProxy
    ) -> None:
        proxy.inflict(Toxic(down=True))
        assert not database.answers()

        pool = database.connection().pool
        assert eventually(lambda: pool.get_stats()["pool_size"] == 0)

    @pytest.mark.parametrize("reset", [False, True], ids=["politely", "by reset"])
    def test_and_came_back_is_noticed_before_a_query_fails(
        self, database: Database, proxy: FaultProxy, reset: bool
    ) -> None:
        with ThreadPoolExecutor(5) as threads:
            assert set(threads.map(lambda _: database.ask("SELECT 42 FROM pg_sleep(0.3)"), range(5))) == {42}

        proxy.cut(reset=reset)

        assert [database.ask() for _ in range(5)] == [42] * 5

    def test_that_forgot_us_does_not_leave_us_waiting(self, database: Database, proxy: FaultProxy) -> None:
        assert database.answers()

        proxy.half_open()

        assert not database.answers()
        assert eventually(database.answers)


class TestALateAnswer:
    def test_is_waited_for(self, database: Database) -> None:
        assert database.ask("SELECT 42 FROM pg_sleep(1.5)") == 42

    def test_is_waited_for_longer_by_whoever_takes_its_time(self, proxy: FaultProxy, database: Database) -> None:
        parameters = database.connection().get_connection_params()
        parameters.pop("pool", None)
        with PatientConnection.connect(**parameters) as connection:
            connection.takes_its_time = True
            connection.execute("SET statement_timeout = 0")
            found = connection.execute("SELECT 42 FROM pg_sleep(3.5)").fetchone()

        assert found == (42,)


class TestTheDoor:
    def test_lets_everybody_in_at_first(self) -> None:
        door = Door()

        door.knock()
        door.knock()

    def test_keeps_everybody_out_while_the_server_rests(self) -> None:
        door = Door(lambda: 100.0)

        door.failed()

        with pytest.raises(LeftAlone):
            door.knock()

    def test_then_lets_one_try_while_the_others_wait_for_what_it_finds(self) -> None:
        now = 100.0
        door = Door(lambda: now)
        door.failed()

        now += REST
        door.knock()
        with pytest.raises(LeftAlone):
            door.knock()

        now += TRIAL
        door.knock()

    def test_opens_to_everybody_when_somebody_got_in(self) -> None:
        door = Door(lambda: 100.0)
        door.failed()

        door.answered()

        door.knock()
        door.knock()

    def test_tells_once_that_the_server_fell_silent(self) -> None:
        door = Door()
        door.fell_silent()

        assert [door.forget_silence(), door.forget_silence()] == [True, False]


class TestAConnectionThatAThreadKeeps:
    """`close_unless_good`, between pieces of work."""

    @staticmethod
    def backend(wrapper: DatabaseWrapper) -> int:
        with wrapper.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])

    @pytest.fixture
    def wrapper(self, database: Database) -> Iterator[DatabaseWrapper]:
        wrapper = database.connection()
        yield wrapper
        wrapper.close()

    def test_stays_while_it_is_good(self, wrapper: DatabaseWrapper) -> None:
        first = self.backend(wrapper)
        kept = wrapper.connection

        wrapper.close_unless_good()

        assert wrapper.connection is kept
        assert self.backend(wrapper) == first

    def test_goes_after_an_error(self, wrapper: DatabaseWrapper) -> None:
        self.backend(wrapper)
        with pytest.raises(DatabaseError), wrapper.cursor() as cursor:
            cursor.execute("SELECT nothing")

        wrapper.close_unless_good()

        assert wrapper.connection is None

    def test_goes_when_a_transaction_was_left_open(self, wrapper: DatabaseWrapper) -> None:
        self.backend(wrapper)
        wrapper.set_autocommit(False)

        wrapper.close_unless_good()

        assert wrapper.connection is None

    @pytest.mark.parametrize("reset", [False, True], ids=["politely", "by reset"])
    def test_goes_when_the_server_has_hung_up(self, wrapper: DatabaseWrapper, proxy: FaultProxy, reset: bool) -> None:
        self.backend(wrapper)
        proxy.cut(reset=reset)

        def is_gone() -> bool:
            wrapper.close_unless_good()
            return wrapper.connection is None

        assert eventually(is_gone)
        assert self.backend(wrapper)

    def test_goes_when_the_server_fell_silent_to_another(
        self, wrapper: DatabaseWrapper, database: Database, proxy: FaultProxy
    ) -> None:
        self.backend(wrapper)
        assert database.answers()
        proxy.half_open()
        assert "does not answer" in str(database.why_not())

        wrapper.close_unless_good()

        assert wrapper.connection is None
