"""A subscriber that does to its worker what its events say: an app, its settings, and its worker process."""
