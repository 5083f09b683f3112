"""
The living map: the shop as a diagram for its staff, with figures of this second, and the way that one order took.

Nothing is looked at unless somebody watches; what is drawn, where each figure comes from and what it costs is in
docs/map.md.
"""
