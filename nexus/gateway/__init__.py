"""
Owns   the front door: paths, limits, and the page that shows the way in.
Tells  nothing.
Hears  nothing.
Stores counters of the rate limit in Redis, for a minute.
"""
