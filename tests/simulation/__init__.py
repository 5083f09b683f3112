"""
Deterministic simulation: the real services and handlers of orders and inventory on real Postgres, under a scheduler
and a clock that are functions of a seed.

Each seed is a short life of the shop: customers, staff, relays, workers and chores take turns in an order that the
dice choose, and what can go wrong between any two steps does. Then everything is healed, must come to rest, and must
agree with itself. ``python -m tests.simulation SEED --trace`` tells one life step by step.

What it cannot show: two transactions open at once. A step runs to its end, or dies at one of its statements.
"""
