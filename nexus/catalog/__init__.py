"""
Owns what is for sale: products with their variants and prices, categories, product types.
Tells `OfferChanged` for every sku whose name, prices or sellability changed.
Hears `StockLevelChanged`, and shows it as the variants' availability.
Stores documents in MongoDB, with log, inbox and dead letters beside them; no SQL table.
"""
