"""A model of what rates of orders need, fed by what one order cost when it was measured."""
