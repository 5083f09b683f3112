"""
Owns   how much of what lies where, what is set aside for which order, and every movement ever made.
Tells  StockReserved, StockRejected, ReservationExpired, StockLevelChanged.
Hears  OfferChanged (catalog) · OrderPlaced, OrderOverdue, OrderCancelled, OrderShipped, OrderReturned (orders).
Stores Postgres `inventory`, which decides always; a cache of levels in Redis, which only answers questions.
"""
