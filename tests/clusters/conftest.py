"""The drills take minutes: `make nightly` has them, and ``CLUSTERS=all`` for pytest."""

import os

collect_ignore = [] if os.environ.get("CLUSTERS") == "all" else ["test_drills.py"]
