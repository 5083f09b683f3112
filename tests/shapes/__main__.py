"""
``python -m tests.shapes all``: the suite over every shape, Kafka's included, and a row for each.

Without ``all`` it is what CI runs.
"""

import os
import subprocess
import sys

if __name__ == "__main__":
    environment = os.environ | ({"SHAPES": "all"} if sys.argv[1:] == ["all"] else {})
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", "-q", "tests/shapes"], env=environment))
