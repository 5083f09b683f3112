"""How much a figure rises."""

from nexus.telemetry.figures import REGISTRY


class Counting:
    """What a figure rose by since this was made."""

    def __init__(self, name: str, **labels: str) -> None:
        self._name, self._labels = name, labels
        self._before = self._now()

    @property
    def rise(self) -> float:
        return self._now() - self._before

    def _now(self) -> float:
        return REGISTRY.get_sample_value(self._name, self._labels) or 0.0
