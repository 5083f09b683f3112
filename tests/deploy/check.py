"""``make check`` over what is shipped: the compose file by the real Compose, the Dockerfile by hadolint."""

import sys

from tests.deploy.compose_rules import PROFILES
from tests.deploy.tools import COMPOSE_FILE, DOCKERFILE, REPOSITORY, compose, hadolint


def main() -> int:
    """Print what is wrong; the exit status says whether something is."""
    findings = [compose(COMPOSE_FILE, "-q", folder=REPOSITORY, profiles=PROFILES), hadolint(DOCKERFILE)]
    for finding in findings:
        print(finding.stdout + finding.stderr, end="")
    wrong = any(finding.returncode for finding in findings)
    print("compose file and Dockerfile are " + ("not valid" if wrong else "valid"))
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
