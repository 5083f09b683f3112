"""The document's way out, to the switch, while customers buy; `make nightly` goes both ways, and without guards too."""

from pathlib import Path

import pytest

from tests.extraction.document import steps, ways
from tests.extraction.run import Plan, run
from tests.extraction.shop import leavable_shop


class TestInventory:
    # Generous: what is measured is not speed.
    @pytest.mark.timeout(600)
    def test_leaves_while_customers_buy(self, tmp_path: Path) -> None:
        out = [step for step in steps() if step.way == ways()[0]][:5]

        with leavable_shop(tmp_path) as shop:
            result = run(shop, Plan(orders=30, rate=5, look_every=0.25, steps=out), say=print)

        print(result.row)
        assert result.details == []
        # Orders were accepted while nobody could write to inventory's data, too.
        [switch] = [moment for moment in result.moments if "Switch" in moment.step]
        assert switch.accepted_meanwhile
