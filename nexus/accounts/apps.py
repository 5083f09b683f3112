from typing import Any

from django.apps import AppConfig

from nexus.contracts.seeding import Progress, SeedPlan


class AccountsConfig(AppConfig):
    name = "nexus.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from nexus.accounts.services import forget_expired_tokens
        from nexus.accounts.services.answers import answers
        from nexus.eventbus import registry
        from nexus.eventbus.stores.postgres import PostgresStore

        chores = {forget_expired_tokens: 3600.0, answers.forget_old: 3600.0}
        registry.register(app="accounts", store=PostgresStore("default"), chores=chores)

    def seed(self, plan: SeedPlan) -> Progress:
        """Add the customers of a made-up shop."""
        from nexus.accounts.services.seeding import fill_customers

        return fill_customers(plan)

    def demo(self) -> dict[str, Any]:
        """Logins for a demo."""
        from nexus.accounts.services.seeding import make_demo_logins

        return make_demo_logins()
