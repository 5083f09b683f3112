"""What must hold between regions: nothing oversold and nothing made or lost at every instant, agreement at rest."""

from collections import Counter
from typing import TYPE_CHECKING

from nexus.contracts.catalog import OfferChanged
from nexus.inventory.services.shares import audit, report
from nexus.inventory.services.stockroom import FEW
from tests.regions.lives.stage import DATABASE, SCHEMAS
from tests.simulation.invariants import WRONG_COUNTERS, Broken

if TYPE_CHECKING:
    from tests.regions.lives.world import World

# One question for both regions, for it is asked after every turn.
ACCOUNT = " UNION ALL ".join(
    f"""
    SELECT '{region}', 'shelf', sku, sum(on_hand)::int, sum(reserved)::int FROM {schema}.inventory_stock GROUP BY sku
    UNION ALL SELECT '{region}', 'gone', line->>'sku', sum((line->>'quantity')::int)::int, 0
    FROM {schema}.inventory_reservation, jsonb_array_elements(lines) AS line WHERE state = 'committed' GROUP BY 3
    UNION ALL SELECT '{region}', type, data->>'sku', sum((data->>'quantity')::int)::int, 0 FROM {schema}.event_log
    WHERE type IN ('inventory.share-sent.v1', 'inventory.share-arrived.v1') GROUP BY 2, 3
    """
    for region, schema in SCHEMAS.items()
)
SHELVES = """
SELECT sku, sum(on_hand)::int, sum(reserved)::int, sum(version)::int FROM {schema}.inventory_stock GROUP BY sku
"""
PROMISED = """
SELECT line->>'sku', sum((line->>'quantity')::int)::int
FROM {schema}.inventory_reservation, jsonb_array_elements(lines) AS line
WHERE state IN ('held', 'committed') GROUP BY 1
"""
SENT = "SELECT count(*) FROM {schema}.event_log WHERE type = 'inventory.share-sent.v1'"
VERDICTS = """
SELECT subject, count(DISTINCT type) FROM {schema}.event_log
WHERE type IN ('inventory.stock-reserved.v1', 'inventory.stock-rejected.v1') GROUP BY subject
"""
UNHEARD = "SELECT transfer_id::text, sku FROM {schema}.inventory_share WHERE arrived_at IS NULL"
BURIED = "SELECT event_id, type, error FROM {schema}.dead_letter WHERE replayed_at IS NULL"


def offer_of(sku: str) -> OfferChanged:
    return OfferChanged(sku=sku, name=sku, prices={"EUR": 1}, sellable=True, version=1)


def check_always(world: "World") -> None:
    """:raises Broken: now, in between, a region disagrees with itself, or pieces were made, lost or promised twice"""
    there, gone, on_the_way = Counter[str](), Counter[str](), Counter[str]()
    for region, what, sku, quantity, more in world.stage.query(DATABASE, ACCOUNT):
        if what == "shelf":
            there[sku] += quantity
            if not 0 <= more <= quantity:
                raise Broken("no region promises more than it has", (region, sku, quantity, more))
        elif what == "gone":
            gone[sku] += quantity
        else:
            on_the_way[sku] += quantity if what == "inventory.share-sent.v1" else -quantity
    for sku, received in world.received.items():
        if there[sku] + gone[sku] + on_the_way[sku] != received or on_the_way[sku] < 0:
            account = f"{received} received: {there[sku]} there, {gone[sku]} gone, {on_the_way[sku]} on the way"
            raise Broken("what was received is on a shelf, with a customer or on the way", f"{sku}: {account}")


def check_at_rest(world: "World") -> None:
    """:raises Broken: a promise was not kept now that everything has been heard"""
    check_always(world)
    promised, reports, free = Counter[str](), [], {}
    for region in SCHEMAS:
        world.stage.go_to(region, "check")
        for row in world.stage.query(DATABASE, WRONG_COUNTERS):
            raise Broken("counters are what the ledger makes and what is held", (region, *row))
        for sku, quantity in _rows(world, region, PROMISED):
            promised[sku] += quantity
        for row in _rows(world, region, UNHEARD):
            raise Broken("what was sent has arrived, and both know it", (region, *row))
        _check_orders(world, region)
        _check_letters(world, region)
        reports.append(report())
        free[region] = {sku: (on_hand - held, moved) for sku, on_hand, held, moved in _rows(world, region, SHELVES)}
    for sku, quantity in promised.items():
        if quantity > world.received[sku]:
            raise Broken("no more is sold than there is", f"{sku}: {quantity} of {world.received[sku]}")
    if (verdict := audit(reports)).wrong or verdict.on_the_way or verdict.unknown:
        raise Broken("the regions' reports agree", verdict)
    _check_balance(free)
    world.note(f"at rest: {free}, promised {dict(promised)}")


def count_sent(world: "World") -> int:
    """How many shares have ever left."""
    return sum(count for region in SCHEMAS for [count] in _rows(world, region, SENT))


def _check_orders(world: "World", region: str) -> None:
    verdicts = dict(_rows(world, region, VERDICTS))
    for order in world.placed[region]:
        # One that was called off before inventory heard of it has none.
        if verdicts.pop(str(order), 1 if order in world.cancelled else 0) != 1:
            raise Broken("an order has one verdict, in the region that took it", (region, order))
    if verdicts:
        raise Broken("a region judges its own orders alone", (region, verdicts))


def _check_letters(world: "World", region: str) -> None:
    poison = {event_id for _, event_id in world.regions[region].broker.poison}
    for event_id, kind, error in _rows(world, region, BURIED):
        if event_id not in poison:
            raise Broken("nothing is buried", (region, kind, error))


def _check_balance(free: dict[str, dict[str, tuple[int, int]]]) -> None:
    """Whoever is short after everybody was asked is so because the other one is, too."""
    for here, there in (("eu", "us"), ("us", "eu")):
        for sku, (available, moved) in free[here].items():
            other, _ = free[there].get(sku, (0, 0))
            if moved and available <= FEW and other - available > 1:
                raise Broken("stock flows where it is asked for", f"{sku}: {available} in {here}, {other} in {there}")


def _rows(world: "World", region: str, query: str) -> list[tuple]:
    return world.stage.query(DATABASE, query.format(schema=SCHEMAS[region]))
