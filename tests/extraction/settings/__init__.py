"""The settings of the product, each with the witness beside it."""
