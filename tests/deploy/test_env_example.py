"""`.env.example` and the table that the settings read are the same."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from nexus.settings.environment import VARIABLES, Environment
from tests.deploy.tools import REPOSITORY

EXAMPLE = (REPOSITORY / ".env.example").read_text()


def differences(text: str) -> list[str]:
    """Where an example departs from the table: names, defaults, order of comment and value."""
    lines = text.splitlines()
    found = {line.split("=", 1)[0]: number for number, line in enumerate(lines) if line and not line.startswith("#")}
    missing = [f"{name} is missing" for name in VARIABLES.keys() - found.keys()]
    unknown = [f"{name} is no setting" for name in found.keys() - VARIABLES.keys()]
    both = [(VARIABLES[name], name, number) for name, number in found.items() if name in VARIABLES]
    wrong = [f"{n} has another default" for v, n, at in both if lines[at] != f"{n}={'' if v.secret else v.default}"]
    mute = [f"{n} lacks its purpose" for v, n, at in both if not lines[at - 1].startswith(f"# {v.purpose}")]
    silent = [f"{n}_FILE is not named" for v, n, at in both if v.secret and f"{n}_FILE" not in lines[at - 1]]
    return missing + unknown + wrong + mute + silent


def test_the_example_lists_exactly_the_settings_with_their_defaults_and_purposes() -> None:
    assert differences(EXAMPLE) == []


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("NEXUS_CURRENCY=EUR\n", "", "NEXUS_CURRENCY is missing"),
        ("NEXUS_CURRENCY=EUR\n", "NEXUS_CURRENCY=EUR\n# its colour\nNEXUS_COLOUR=red\n", "NEXUS_COLOUR is no setting"),
        ("NEXUS_CURRENCY=EUR\n", "NEXUS_CURRENCY=USD\n", "NEXUS_CURRENCY has another default"),
        ("# the shop's currency", "# the shop's colour", "NEXUS_CURRENCY lacks its purpose"),
        ("NEXUS_SECRET_KEY=\n", "NEXUS_SECRET_KEY=abc\n", "NEXUS_SECRET_KEY has another default"),
        ("NEXUS_SECRET_KEY_FILE", "a file", "NEXUS_SECRET_KEY_FILE is not named"),
    ],
)
def test_a_planted_difference_is_found(right: str, wrong: str, complaint: str) -> None:
    assert right in EXAMPLE

    assert complaint in differences(EXAMPLE.replace(right, wrong))


def test_an_unchanged_copy_of_the_example_means_the_defaults() -> None:
    values = [line.split("=", 1) for line in EXAMPLE.splitlines() if line and not line.startswith("#")]

    environment = Environment(dict(values))

    assert {name: environment.text(name) for name in VARIABLES} == {n: v.default for n, v in VARIABLES.items()}


@pytest.mark.parametrize("given", ["2", "-0.1", "nan", "often"])
def test_a_share_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="NEXUS_TRACES_SHARE must be a number from 0 to 1"):
        Environment({"NEXUS_TRACES_SHARE": given}).share("NEXUS_TRACES_SHARE")


@pytest.mark.parametrize(("given", "otherwise", "meant"), [("", True, True), ("", False, False), ("0", True, False)])
def test_a_flag_that_is_not_given_is_what_it_is_otherwise(given: str, otherwise: bool, meant: bool) -> None:
    assert Environment({"NEXUS_STAFF_PAGES": given}).flag("NEXUS_STAFF_PAGES", otherwise=otherwise) is meant


class TestAddressesOfSeveral:
    def test_each_node_of_a_broker_gets_the_password(self) -> None:
        given = {"NEXUS_BROKER_URL": "amqp://nexus@a:5672//; amqp://nexus@b//", "NEXUS_BROKER_PASSWORD": "s/t"}

        found = Environment(given).urls("NEXUS_BROKER_URL", password="NEXUS_BROKER_PASSWORD")

        assert found == ["amqp://nexus:s%2Ft@a:5672//", "amqp://nexus:s%2Ft@b//"]

    def test_a_primary_and_its_standby_are_one_address(self) -> None:
        url = "postgresql://nexus@a:5433,b/shop?target_session_attrs=any&sslmode=require"
        given = {"NEXUS_POSTGRES_URL": url, "NEXUS_POSTGRES_PASSWORD": "s/t"}

        found = Environment(given).conninfo("NEXUS_POSTGRES_URL", password="NEXUS_POSTGRES_PASSWORD")

        assert (found["host"], found["port"], found["dbname"], found["password"]) == ("a,b", "5433,", "shop", "s/t")
        assert (found["target_session_attrs"], found["sslmode"]) == ("any", "require")

    def test_a_parameter_that_postgres_does_not_know_is_refused(self) -> None:
        with pytest.raises(ImproperlyConfigured, match=r"NEXUS_POSTGRES_URL: .*colour"):
            Environment({"NEXUS_POSTGRES_URL": "postgresql://a/shop?colour=red"}).conninfo("NEXUS_POSTGRES_URL")
