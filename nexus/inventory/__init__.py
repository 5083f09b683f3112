"""
Owns   how much of what lies where, what is set aside for which order, and every movement ever made.
Tells  StockReserved, StockRejected, ReservationExpired, StockLevelChanged; to other regions ShareAsked, ShareSent,
       ShareArrived.
Hears  OfferChanged (catalog) · OrderPlaced, OrderOverdue, OrderCancelled, OrderShipped, OrderReturned (orders);
       of other regions ShareAsked, ShareSent, ShareArrived.
Stores Postgres `inventory`, which decides always; a cache of levels in Redis, which only answers questions.
"""
