"""
Real PostgreSQL, MongoDB and Valkey from Python wheels, under one directory, without Docker or root.

    python -m nexus.embedded run                the whole demo shop
    python -m nexus.embedded exec -- COMMAND    any command with the engines behind it
    python -m nexus.embedded status             one line per engine

In code: :func:`nexus.embedded.launcher.engines`. In tests: ``-p nexus.embedded.pytest_plugin``.
For development, tests and the demo: the engines listen on 127.0.0.1 only and ask for no password.
"""
