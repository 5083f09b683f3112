"""
Django's backend for Postgres, with limits to how long anybody waits for a server that is gone or keeps silent.

Named in ``DATABASES``; `base` is where Django looks.
"""
