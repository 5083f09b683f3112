"""The model of capacity: its sums, what it is fed with, and that its page is not stale."""

from dataclasses import replace

import pytest
import yaml

from benchmarks.capacity.__main__ import PAGE, main, page
from benchmarks.capacity.model import BUSY, MANIFESTS, Costs, carried, need, read_costs, walls
from tests.deploy.tools import REPOSITORY

PARTS = REPOSITORY / "deploy" / "k8s" / "parts"
STAGES = ("web", "relay", "worker inventory", "worker orders", "worker catalog")


@pytest.fixture
def costs() -> Costs:
    """An order costs 1 ms at each stage, and writes less the more of them there are."""
    stages = dict.fromkeys((*STAGES, "postgres", "mongo", "redis", "rabbitmq"), 1000.0)
    written = [
        {"rate": 1, "wal_bytes": 9000.0, "wal_syncs": 9.0, "commits": 9.0},
        {"rate": 100, "wal_bytes": 1000.0, "wal_syncs": 1.0, "commits": 2.0},
    ]
    kept, resident = {"orders": 2000, "inventory": 1000}, dict.fromkeys(STAGES, 512.0)
    rates = {"hot": 5.0, "every": 10.0, "published": 1000.0}
    return Costs(half=stages, cpu=[stages | {"rate": 1.0}], kept=kept, resident=resident, writes=written, **rates)


class TestNeeds:
    def test_are_what_an_order_costs_times_how_many_there_are(self, costs: Costs) -> None:
        found = need(costs, 60_000)

        assert found.cores["postgres"] == pytest.approx(1.0)
        assert found.processes["web"] == 1 / BUSY
        assert found.processes["relay"] == 1 / BUSY + 1
        assert found.disk_gb_a_day == {"orders": pytest.approx(172.8), "inventory": pytest.approx(86.4)}
        assert (found.wal_mb_a_second, found.syncs_a_second) == (pytest.approx(1.0), 1000)

    def test_take_what_was_measured_at_the_next_rate_below(self, costs: Costs) -> None:
        assert need(costs, 60 * 90).syncs_a_second == pytest.approx(9 * 90)
        assert need(costs, 60 * 100).syncs_a_second == pytest.approx(100)
        assert need(costs, 6).syncs_a_second == pytest.approx(0.9)

    def test_count_a_rate_that_is_nearly_the_measured_one_as_that(self, costs: Costs) -> None:
        assert need(costs, 60 * 99).syncs_a_second == pytest.approx(99)

    def test_never_have_a_stage_without_a_process(self, costs: Costs) -> None:
        assert set(need(costs, 1).processes.values()) == {1, 2}

    def test_send_no_more_messages_than_there_are_moments_to_send_them(self, costs: Costs) -> None:
        assert need(costs, 60).messages_a_second == 3
        assert need(costs, 60_000).messages_a_second == pytest.approx(2 / 0.03)


class TestWalls:
    def test_come_nearest_first(self, costs: Costs) -> None:
        rates = [wall.orders_a_minute for wall in walls(costs)]

        assert rates == sorted(rates)

    def test_move_with_what_was_measured(self, costs: Costs) -> None:
        dear = replace(costs, half={**costs.half, "worker inventory": 10_000.0})

        assert walls(dear)[0].orders_a_minute == 60 * 100
        assert walls(dear)[0].what.startswith("one sku")


class TestTheManifests:
    def test_are_scaled_as_the_model_believes(self) -> None:
        assert MANIFESTS["web"] == _most("web") * 2
        assert MANIFESTS["worker orders"] == MANIFESTS["worker inventory"] == _most("worker")

    def test_carry_what_their_narrowest_stage_does(self, costs: Costs) -> None:
        assert next(iter(carried(costs).items())) == ("relay", 60 * BUSY * 1000)


class TestThePage:
    def test_says_what_the_model_says(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--check"]) == 0, capsys.readouterr().out

    def test_is_stale_when_a_cost_has_changed(self) -> None:
        text, costs = PAGE.read_text(), read_costs()

        assert page(text, replace(costs, hot=1.0)) != text

    def test_must_have_a_place_for_each_table(self) -> None:
        with pytest.raises(ValueError, match="no place for needs"):
            page("nothing", read_costs())

    def test_is_printed_for_one_rate(self) -> None:
        assert main(["--orders-a-minute", "10000"]) == 0


def _most(part: str) -> int:
    parts = yaml.safe_load_all((PARTS / part / f"{part}.yaml").read_text())
    [most] = [each["spec"]["maxReplicas"] for each in parts if each["kind"] == "HorizontalPodAutoscaler"]
    return int(most)
