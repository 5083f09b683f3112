"""
Owns   orders from placed to delivered, the idempotency claims of placing, a local copy of prices and of what is
       known to be sold out.
Tells  OrderPlaced, OrderOverdue, OrderConfirmed, OrderRejected, OrderCancelled, OrderExpired, OrderShipped,
       OrderDelivered, OrderReturned.
Hears  OfferChanged (catalog) · StockReserved, StockRejected, ReservationExpired, StockLevelChanged (inventory) ·
       CustomerErased (accounts).
Stores Postgres `orders`.
"""
