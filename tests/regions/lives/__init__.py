"""
Two regions in a deterministic simulation: the real services, handlers and SQL of inventory on real Postgres, twice,
with the real relays and links between, under the scheduler, clock and faults of `tests.simulation`.

Each seed is a short life: customers buy in both regions, staff receive and send; links are cut, begin anew, double,
hold back and reorder what they carry; processes die at any statement. Then everything is healed, must come to rest, and
must agree. ``python -m tests.regions.lives SEED --trace`` tells one life step by step.

What it leaves out: the orders app (its news of orders is made up here), expiry, and two transactions open at once.
"""
