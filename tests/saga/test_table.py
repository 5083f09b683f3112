"""The table and the tests say the same."""

from tests.saga import test_expired_shipped_and_returned, test_overdue, test_placed_and_cancelled
from tests.saga.table import outcomes

TESTS = (
    test_placed_and_cancelled.TestPlacedAndCancelled,
    test_overdue.TestOverdue,
    test_expired_shipped_and_returned.TestExpiredShippedAndReturned,
)


class TestTheTable:
    def test_has_a_test_for_each_row_and_a_row_for_each_test(self) -> None:
        tests = [name for tests in TESTS for name in vars(tests) if name.startswith("test_")]

        assert sorted(tests) == sorted(outcomes())
