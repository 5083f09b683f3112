"""What reads our log lines knows every field that they have, and names no other."""

import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import yaml

from nexus.eventbus import instruments
from nexus.eventbus.instruments import Handling, Outcome
from nexus.eventbus.wire import Record
from nexus.web.logs import EcsFormatter, line_of
from tests.deploy.tools import REPOSITORY

ELK = REPOSITORY / "deploy" / "elk"
TEMPLATE = json.loads((ELK / "elasticsearch" / "template.json").read_text())
MAPPED: dict[str, dict[str, Any]] = TEMPLATE["template"]["mappings"]["properties"]
OBJECTS = [json.loads(line) for line in (ELK / "kibana" / "objects.ndjson").read_text().splitlines()]
BY_LOGSTASH = {"container.id"}
FITTING: dict[str, tuple[type, ...]] = {
    "keyword": (str, list),
    "long": (int,),
    "date": (str,),
    "ip": (str,),
    "wildcard": (str,),
    "match_only_text": (str,),
}
QUERIED = re.compile(r"([a-z][\w.]*):")


class Kept(logging.Handler):
    """Keeps lines as they would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(EcsFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def lines(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One of each kind."""
    settings.LOG_FORMAT = "ecs"
    kept, log = Kept(), logging.Logger("nexus.eventbus.batch")
    log.addHandler(kept)
    monkeypatch.setattr(instruments, "log", log)
    move_batches()
    try:
        raise ValueError("what is wrong")
    except ValueError:
        log.exception("something failed")
    return [*kept.lines, line_of_a_request()]


def move_batches() -> None:
    """One is handed on, one is handled, one fails."""
    records = [_record()]
    with instruments.publishing(records, log_name="orders"):
        pass
    handled, failed = (Handling("inventory", records[0].type, records) for _ in range(2))
    handled.outcome += Outcome(applied=1, duplicate=1, ignored=1, buried=1, waiting=1)
    handled.is_over()
    failed.is_over(failure=TimeoutError("the database took too long"))


def line_of_a_request() -> str:
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    scope = {
        "method": "GET",
        "path": "/api/v1/orders",
        "client": ("192.0.2.7", 1),
        "headers": [(b"traceparent", trace)],
    }
    return line_of(scope, status=200, seconds=0.012, identity="an-identity").decode().rstrip("\n")


def fields_of(lines: list[str]) -> dict[str, Any]:
    """Every field of any line, with a value."""
    return {name: value for line in lines for name, value in json.loads(line).items()}


def named(thing: Any) -> Iterator[str]:
    """Every field that saved objects name, in whatever depth of JSON within JSON."""
    for key, value in thing.items() if isinstance(thing, dict) else enumerate(thing):
        if key == "columns":
            yield from value
        elif key == "sort":
            yield from (field for field, _ in value)
        elif key in ("field", "timeFieldName"):
            yield value
        elif key == "query" and isinstance(value, str):
            yield from QUERIED.findall(value)
        elif str(key).endswith("JSON") or key == "visState":
            yield from named(json.loads(value))
        elif isinstance(value, dict | list):
            yield from named(value)


class TestTheTemplate:
    def test_knows_every_field_of_our_lines_and_no_other(self, lines: list[str]) -> None:
        assert MAPPED.keys() == fields_of(lines).keys() | BY_LOGSTASH

    def test_gives_each_a_type_that_fits(self, lines: list[str]) -> None:
        fields = fields_of(lines)

        wrong = {name: value for name, value in fields.items() if not isinstance(value, FITTING[MAPPED[name]["type"]])}
        assert wrong == {}

    def test_refuses_no_line_for_an_address_that_is_none(self) -> None:
        """Whoever comes over a socket has none: the field is empty."""
        assert MAPPED["client.ip"]["ignore_malformed"] is True

    def test_keeps_lines_for_thirty_days(self) -> None:
        policy = json.loads((ELK / "elasticsearch" / "policy.json").read_text())["policy"]["phases"]

        assert policy["delete"]["min_age"] == "30d"
        assert TEMPLATE["template"]["settings"]["index.lifecycle.name"] == "nexus-logs"
        assert "/_ilm/policy/nexus-logs" in (ELK / "elastic-init.sh").read_text()


class TestSavedObjects:
    def test_are_what_is_made(self, tmp_path: Path) -> None:
        made = tmp_path / "objects.ndjson"
        subprocess.run([sys.executable, ELK / "kibana" / "make_objects.py", made], check=True)

        assert made.read_text() == (ELK / "kibana" / "objects.ndjson").read_text()

    def test_name_only_fields_that_lines_have(self) -> None:
        fields = set(named(OBJECTS))

        assert {"labels.route", "labels.subscriber", "http.response.status_code", "event.outcome"} <= fields
        assert fields - MAPPED.keys() == set()

    def test_refer_to_one_another(self) -> None:
        there = {(each["type"], each["id"]) for each in OBJECTS}

        assert {(to["type"], to["id"]) for each in OBJECTS for to in each["references"]} <= there
        assert {each["type"] for each in OBJECTS} == {"index-pattern", "search", "visualization", "dashboard"}

    def test_look_where_logstash_puts_lines(self) -> None:
        pipeline = (ELK / "logstash" / "pipeline" / "nexus.conf").read_text()
        (dataset,) = re.findall(r'data_stream_dataset => "(\w+)"', pipeline)

        assert OBJECTS[0]["attributes"]["title"] == f"logs-{dataset}-*"
        assert TEMPLATE["index_patterns"] == [f"logs-{dataset}-*"]

    @pytest.mark.parametrize("wrong", ["labels.colour", "http.status"])
    def test_would_not_pass_with_a_field_that_no_line_has(self, wrong: str) -> None:
        planted = json.loads(json.dumps(OBJECTS).replace("labels.route", wrong))

        assert set(named(planted)) - MAPPED.keys() == {wrong}


class TestFilebeat:
    def test_takes_every_line_of_ours(self, lines: list[str]) -> None:
        assert [line for line in lines if not self.takes(line)] == []

    @pytest.mark.parametrize(
        "line",
        [
            '{"log.level":"info","message":"started","service.name":"filebeat","ecs.version":"1.6.0"}',
            '{"message":"cannot send {\\"service.name\\":\\"nexus\\"}","service.name":"filebeat"}',
            '{"@timestamp":"2026-11-26T20:00:00Z","service.name":"nexus-tool-of-somebody-else2"}',
            "2026-11-26 20:00:00.000 UTC [1] LOG:  database system is ready to accept connections",
        ],
    )
    def test_takes_nobody_elses(self, line: str) -> None:
        assert not self.takes(line)

    @staticmethod
    def takes(line: str) -> bool:
        (source,) = yaml.safe_load((ELK / "filebeat.yml").read_text())["filebeat.inputs"]
        return any(re.search(pattern, line) for pattern in source["include_lines"])


class TestThePipeline:
    def test_has_every_block_closed_and_lets_go_of_no_field_of_ours(self, lines: list[str]) -> None:
        text = (ELK / "logstash" / "pipeline" / "nexus.conf").read_text()
        (removed,) = re.findall(r"remove_field => \[(.+)\]", text)

        assert text.count("{") == text.count("}")
        assert not {f"[{name}]" for name in fields_of(lines)} & set(re.findall(r'"(.+?)"', removed))


def _record() -> Record:
    return Record(
        id=uuid4(),
        type="orders.order-placed.v1",
        source="orders",
        subject=str(uuid4()),
        sequence=1,
        time=datetime.now(UTC),
        data=msgspec.Raw(b"{}"),
        correlationid="an-identity",
    )
