"""What a benchmark could get wrong without anybody noticing: its arithmetic."""

import pytest

from benchmarks.client import SILENT, Journal
from benchmarks.figures import median, milliseconds, percentile, summary


class TestPercentile:
    def test_is_a_value_that_occurred(self):
        values = [float(number) for number in range(1, 101)]

        assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]

    def test_does_not_depend_on_the_order(self):
        assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0

    def test_of_few_values_is_the_largest(self):
        assert percentile([1.0, 9.0], 0.99) == 9.0

    def test_refuses_nothing(self):
        with pytest.raises(ValueError):
            percentile([], 0.5)

    def test_is_told_in_milliseconds(self):
        assert milliseconds([0.001, 0.002]) == {"p50": 1.0, "p95": 2.0, "p99": 2.0, "max": 2.0}


class TestMedian:
    def test_leaves_out_what_was_not_measured(self):
        assert median([None, 1.0, 3.0, 2.0]) == 2.0

    def test_of_nothing_is_nothing(self):
        assert median([None]) is None


class TestSummary:
    @pytest.fixture
    def found(self):
        journal = Journal()
        journal.add(10.0, 0.1, 201, False)
        journal.add(10.5, 1.0, 201, False)
        journal.add(10.5, 0.2, 503, True)
        journal.add(10.6, 0.1, 503, False)
        journal.add(10.7, 5.0, SILENT, False)
        return summary(journal, start=10.0, seconds=1.0)

    def test_counts_every_request_by_status(self, found):
        assert found["statuses"] == {"0": 1, "201": 2, "503": 2}

    def test_counts_towards_the_rate_only_what_was_answered_in_time(self, found):
        assert found["per_second"]["201"] == 1.0

    def test_counts_refusals_that_do_not_say_when_to_come_again(self, found):
        assert found["without_retry_after"] == 1

    def test_never_takes_silence_for_an_answer(self, found):
        assert found["last_answer"] == pytest.approx(1.5)
