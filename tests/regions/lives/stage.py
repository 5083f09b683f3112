"""
Where lives are played: the tables of inventory twice, in one database. A region is a schema, and its processes find
their tables by `search_path`, so that not a word of the real SQL is another.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connections
from django.test.utils import override_settings

from tests.simulation.stage import Stage, StockCache

DATABASE = "inventory"
SCHEMAS = {"eu": "public", "us": "overseas"}
# Tables as they are, with keys, checks and defaults, and the function that readers of the log ask; what a trigger does
# besides is tried elsewhere.
OVERSEAS = """
CREATE SCHEMA overseas;
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TABLE overseas.%I (LIKE public.%I INCLUDING ALL)', name, name);
    END LOOP;
    EXECUTE replace(pg_get_functiondef('public.log_horizon'::regproc), 'public.', 'overseas.');
END $$;
"""
# Earlier tests may have left tables empty, the location of the first migration included.
MAIN = """
INSERT INTO {schema}.inventory_location (code, name, rank) VALUES ('main', 'Main warehouse', 0) ON CONFLICT DO NOTHING
"""


class TwoRegions(Stage):
    """The databases of both; whoever is at work is in one of them."""

    def __init__(self) -> None:
        super().__init__(databases=(DATABASE,))
        self._caches: dict[str, StockCache] = {}

    @contextmanager
    def set_up(self) -> Iterator[None]:
        apart = override_settings(REGION="", REGION_LINKS={})
        # Inside the stage's own, which lets reservations run out.
        with super().set_up(), apart, override_settings(RESERVATION_HOURS=0):
            yield

    def go_to(self, region: str, process: str) -> None:
        """A process of that region is at work from here on, in a new transaction."""
        settings.REGION = region
        settings.REGION_LINKS = {name: "amqp://nowhere/" for name in SCHEMAS if name != region}
        self.cache = self._caches.setdefault(region, StockCache())
        self.clock.enter(f"{process} {region}")
        connections[DATABASE].connection.execute(f"SET LOCAL search_path = simulation, pg_catalog, {SCHEMAS[region]}")
        self.begin(DATABASE)

    def _reset(self, seed: object, *, transaction_number: int) -> None:
        super()._reset(seed, transaction_number=transaction_number)
        self._caches = {}

    def _prepare(self, database: str) -> None:
        super()._prepare(database)
        with connections[database].cursor() as cursor:
            cursor.execute(OVERSEAS + ";".join(MAIN.format(schema=schema) for schema in SCHEMAS.values()))
