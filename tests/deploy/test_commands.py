"""What the compose file starts exists, and every app that hears something has its worker."""

from collections.abc import Iterable

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import CommandError

from nexus.eventbus.registry import members
from tests.deploy.compose_rules import manage_commands, shop
from tests.deploy.tools import Config


def subscribers() -> set[str]:
    return {name for name, member in members.items() if member.handlers}


def workers(config: Config, profile: str | None = None) -> dict[str, str]:
    """Subscriber by service."""
    commands = manage_commands({"services": shop(config, profile=profile)})
    return {name: words[1] for name, words in commands.items() if words[0] == "worker"}


def understand(words: Iterable[str]) -> None:
    """:raises CommandError: there is no such command, or it does not know these arguments"""
    name, *arguments = words
    if name not in get_commands():
        raise CommandError(f"there is no command {name}")
    command = load_command_class(get_commands()[name], name)
    command._called_from_command_line = False
    command.create_parser("manage.py", name).parse_args(arguments)


class TestTheCommandsOfTheComposeFile:
    def test_are_all_understood(self, config: Config) -> None:
        commands = manage_commands(config)

        assert {"prepare", "relay", "orders-prepare", "orders-relay"} <= commands.keys()
        for words in commands.values():
            understand(words)

    @pytest.mark.parametrize("words", [["relais"], ["worker", "kitchen"], ["worker"], ["relay", "--fast"]])
    def test_would_not_be_if_one_were_wrong(self, words: list[str]) -> None:
        with pytest.raises(CommandError):
            understand(words)


class TestTheWorkers:
    def test_are_one_for_each_app_that_hears_something(self, config: Config) -> None:
        assert sorted(workers(config).values()) == sorted(subscribers())

    def test_are_named_after_their_subscribers(self, config: Config) -> None:
        assert workers(config) == {f"worker-{name}": name for name in subscribers()}
        assert workers(config, "services") == {f"{name}-worker": name for name in subscribers()}

    def test_would_be_missed_if_an_app_began_to_hear(self, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(members, "kitchen", members["orders"])

        assert sorted(workers(config).values()) != sorted(subscribers())
