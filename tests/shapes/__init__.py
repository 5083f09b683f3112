"""One suite, black box, over every shape that the same code runs in: what a customer sees is the same in all."""
