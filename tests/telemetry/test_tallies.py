"""What gathers for a moment is written as if each had been counted by itself."""

import asyncio

from prometheus_client import CollectorRegistry, Counter, Histogram

from nexus.telemetry.tallies import EVERY, Tally

SECONDS = (0.0, 0.5, 1.0, 1.5, 2.0, 99.0)


def test_durations_fall_into_the_buckets_they_would_have() -> None:
    registry = CollectorRegistry()
    alone, together = (
        Histogram(name, "", registry=registry, buckets=(0.5, 1.0, 2.0)) for name in ("alone", "together")
    )
    tally = Tally()

    async def scene() -> None:
        for seconds in SECONDS:
            alone.observe(seconds)
            tally.observe(together, seconds)
        tally.write()
        tally.write()

    asyncio.run(scene())

    def samples(histogram: Histogram) -> list[tuple[object, float]]:
        [metric] = histogram.collect()
        return [(each.labels, each.value) for each in metric.samples if not each.name.endswith("_created")]

    assert samples(together) == samples(alone)


def test_counts_are_written_after_a_moment_and_once() -> None:
    registry = CollectorRegistry()
    counter = Counter("things", "", ["kind"], registry=registry)
    tally = Tally()

    def told() -> list[float | None]:
        return [registry.get_sample_value("things_total", {"kind": kind}) for kind in ("a", "b")]

    async def scene() -> list[list[float | None]]:
        for kind in ("a", "b", "a"):
            tally.count(counter.labels(kind))
        before = told()
        async with asyncio.timeout(10):
            while told() != [2.0, 1.0]:
                await asyncio.sleep(EVERY)
        tally.count(counter.labels("b"))
        async with asyncio.timeout(10):
            while told() == [2.0, 1.0]:
                await asyncio.sleep(EVERY)
        return [before, told()]

    assert asyncio.run(scene()) == [[0.0, 0.0], [2.0, 2.0]]
