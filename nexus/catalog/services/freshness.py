"""Every change of the catalog begins a new generation of it, for whoever keeps answers about products."""

from nexus.web.generations import Generations

generations = Generations("products")
