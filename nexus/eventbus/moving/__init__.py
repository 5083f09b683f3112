"""
Takes an app's database to another server, or back, while the shop sells: ``manage.py move``.

Most of it is copied while the app works. Then the old database is shut, what has changed since is copied, both are
compared row for row, and the new one is opened. From there on the log goes on where it was: same rows, same order,
same positions (docs/adr/0023).
"""
