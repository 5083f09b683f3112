"""The suite that holds in every shape holds while a shop is being upgraded too."""

from tests.mixed.shop import MixedShop
from tests.shapes.test_suite import *  # noqa: F403


class TestTheVersionBefore:
    def test_finds_that_every_promise_is_kept(self, shop: MixedShop) -> None:
        done = shop.manage("verify", tree=shop.before)

        assert done.returncode == 0, done.stdout + done.stderr
