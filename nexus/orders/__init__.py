"""
Owns   orders from placed to delivered, the idempotency claims of placing, a local copy of prices.
Tells  OrderPlaced, OrderConfirmed, OrderRejected, OrderCancelled, OrderExpired, OrderShipped, OrderDelivered,
       OrderReturned.
Hears  OfferChanged (catalog) · StockReserved, StockRejected, ReservationExpired, StockLevelChanged (inventory) ·
       CustomerErased (accounts).
Stores Postgres `orders`; hints of what is sold out in Redis, which may refuse but never promise.
"""
