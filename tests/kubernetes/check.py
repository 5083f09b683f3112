"""``make check`` over the manifests: every overlay rendered by kustomize and held to the schemas of three versions."""

import sys

from tests.kubernetes.tools import MANIFESTS, OVERLAYS, VERSIONS, kustomize, overlay, wrong_by_schema


def main() -> int:
    """Print what is wrong; the exit status says whether something is."""
    complaints = []
    for name in OVERLAYS:
        done = kustomize(MANIFESTS / "overlays" / name)
        complaints += [f"{name}: {line}" for line in done.stderr.splitlines()]
        if done.returncode:
            continue
        complaints += [
            f"{name} on {version}: {each}" for version in VERSIONS for each in wrong_by_schema(overlay(name), version)
        ]
    for each in complaints:
        print(each)
    print(
        f"manifests of {', '.join(OVERLAYS)} are " + ("not valid" if complaints else f"valid on {', '.join(VERSIONS)}")
    )
    return int(bool(complaints))


if __name__ == "__main__":
    sys.exit(main())
