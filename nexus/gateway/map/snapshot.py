"""The shop at one instant, as the map shows it."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from prometheus_client.metrics_core import Metric

from nexus.eventbus.bus import backend
from nexus.gateway.map import health
from nexus.gateway.map.counted import Counted, Meter, Reading, Standstill, Tally
from nexus.gateway.map.engines import Answer, Question, questions
from nexus.gateway.map.health import Complaint, Figures, Seen, judged
from nexus.gateway.map.plan import BUS, Column, Plan, bus_name, has_broker, plan, store_of, work_of
from nexus.gateway.map.probes import Finding, Probes
from nexus.telemetry.exposition import CountedHere

NOBODY = Tally()


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything on the map, by the names of the plan."""

    at: datetime
    seen: dict[str, Seen]


@dataclass(frozen=True, kw_only=True)
class _Round:
    """What one look found."""

    at: float
    now: Reading
    before: Reading
    found: Mapping[str, Finding[Answer]]

    def answer(self, name: str) -> Answer:
        finding = self.found.get(name)
        return finding.answer if finding and finding.answer else Answer()

    def why(self, name: str) -> str:
        """Why there is no answer; empty when there is one, or nobody was asked."""
        finding = self.found.get(name)
        return finding.why if finding else ""

    def recent(self, app: str) -> Tally:
        return self.now.requests.get(app, NOBODY).since(self.before.requests.get(app, NOBODY))


class Look:
    """Takes one snapshot after another; rates and latencies are about the last seconds."""

    def __init__(
        self,
        *,
        asked: Mapping[str, Question] | None = None,
        counted: Callable[[], Iterable[Metric]] | None = None,
    ) -> None:
        self.plan: Plan = plan()
        self._probes = Probes(questions() if asked is None else asked)
        self._collect, self._counted, self._meter = counted or CountedHere().collect, Counted(), Meter()
        self._answers: dict[str, deque[float]] = {}
        self._standstill = Standstill()
        self._consumers = [relay.consumer for relay in backend().relays()]

    def take(self) -> Snapshot:
        """Ask everything once; never longer than the slowest answer may take."""
        found = self._probes.ask()
        at = time.monotonic()
        now, before = self._counted.read(self._collect(), at=at)
        round_ = _Round(at=at, now=now, before=before, found=found)
        seen = self._door(round_)
        for column in self.plan.columns:
            seen |= self._column(column, round_)
        seen[BUS] = self._bus(round_, seen)
        return Snapshot(at=datetime.now(UTC), seen=seen)

    def close(self) -> None:
        """Ask nothing more."""
        self._probes.close()

    def _door(self, round_: _Round) -> dict[str, Seen]:
        requests, totals = self._requests("", round_), round_.now.totals
        limits: Figures = {
            name: self._meter.rate(name, totals.get(name, 0.0), at=round_.at) for name in ("shed", "limited")
        }
        figures = requests | limits | {"under_way": totals.get("under_way")}
        complaints = list(health.about_requests(figures, round_.recent("").count))
        return {
            self.plan.customers.id: judged(requests),
            self.plan.entry.id: judged(requests),
            self.plan.gateway.id: judged(figures, complaints),
        }

    def _column(self, column: Column, round_: _Round) -> dict[str, Seen]:
        app, seen = column.app.id, {}
        events = self._told(column, round_) | self._heard(column, round_)
        figures = self._requests(app, round_)
        figures |= {"breaker": round_.now.breakers.get(app), "dead": _number(round_.answer(app).buried)}
        complaints: list[Complaint] = [
            *health.about_requests(figures, round_.recent(app).count),
            *health.about_instances(app, figures["breaker"]),
            *health.about_letters(figures),
            *health.about_store(app, round_.why(store_of(app))),
            *health.about_events(app, "" if round_.why(store_of(app)) else round_.why(app)),
            *((line.state, sentence) for line in events.values() for sentence in line.says),
        ]
        seen[app] = judged(figures, complaints)
        seen[column.asked.id] = judged(figures, health.about_instances(app, figures["breaker"]))
        for line, box in column.stores:
            seen[box.id] = self._engine(box.id, box.title, round_)
            seen[line.id] = judged(seen[box.id].figures, [(seen[box.id].state, each) for each in seen[box.id].says])
        return seen | events

    def _told(self, column: Column, round_: _Round) -> dict[str, Seen]:
        if column.told is None:
            return {}
        answer = round_.answer(column.app.id)
        waiting = [answer.backlog[name] for name in self._consumers if name in answer.backlog]
        figures: Figures = {
            "told": self._meter.rate(column.told.id, answer.told, at=round_.at),
            "pending": max((count for count, _ in waiting), default=0.0) if answer.backlog else None,
            "age": max((age for _, age in waiting), default=0.0) if answer.backlog else None,
        }
        return {column.told.id: judged(figures, health.about_log(column.app.id, figures))}

    def _heard(self, column: Column, round_: _Round) -> dict[str, Seen]:
        if column.heard is None:
            return {}
        app = column.app.id
        lag = round_.now.lags.get(app, NOBODY).since(round_.before.lags.get(app, NOBODY))
        figures: Figures = {
            "heard": self._meter.rate(column.heard.id, round_.answer(app).heard, at=round_.at),
            "lag": lag.quantile(0.95),
        }
        figures |= self._in_the_queue(app, round_) if has_broker() else self._in_the_logs(app, round_)
        waits = bool(figures.get("waiting") or figures.get("pending"))
        # Whether anything is taken is known from the second look on.
        moves = figures["heard"] != 0
        stuck_for = self._standstill.seconds(app, waits=waits, moves=moves, at=round_.at)
        return {column.heard.id: judged(figures, health.about_queue(app, figures, stuck_for=stuck_for))}

    def _in_the_logs(self, app: str, round_: _Round) -> Figures:
        """Without a broker what an app has yet to hear waits in the logs of the others."""
        mine = [name for name in self._consumers if name.rpartition(" ")[2] == app]
        logs = [round_.answer(each.app.id).backlog for each in self.plan.columns]
        waiting = [log[name] for log in logs for name in mine if name in log]
        return {
            "pending": float(sum(count for count, _ in waiting)),
            "age": max((age for _, age in waiting), default=0.0),
        }

    def _in_the_queue(self, app: str, round_: _Round) -> Figures:
        depth = round_.answer(BUS).depths.get(app)
        return {"waiting": float(depth.waiting), "set_aside": float(depth.set_aside)} if depth else {}

    def _engine(self, name: str, title: str, round_: _Round) -> Seen:
        figures: Figures = {
            "took": self._took(name, round_),
            work_of(name): self._meter.rate(f"work of {name}", round_.answer(name).work, at=round_.at),
        }
        return judged(figures, health.about_answer(name, title, round_.why(name)))

    def _took(self, name: str, round_: _Round) -> float | None:
        """The median of the last answers: one alone says more of our own haste than of the engine."""
        finding = round_.found.get(name)
        if finding is None or finding.why:
            self._answers.pop(name, None)
            return None
        last = self._answers.setdefault(name, deque(maxlen=5))
        last.append(finding.seconds)
        return median(last)

    def _bus(self, round_: _Round, seen: Mapping[str, Seen]) -> Seen:
        lines = [seen[line.id] for column in self.plan.columns for line in (column.told, column.heard) if line]
        depths = round_.answer(BUS).depths.values()
        figures: Figures = {
            "told": _sum(line.figures.get("told") for line in lines),
            "heard": _sum(line.figures.get("heard") for line in lines),
            "took": self._took(BUS, round_),
            "waiting": float(sum(depth.waiting for depth in depths)),
            "set_aside": float(sum(depth.set_aside for depth in depths)),
        }
        return judged(figures, health.about_answer(BUS, bus_name(), round_.why(BUS)))

    def _requests(self, app: str, round_: _Round) -> Figures:
        recent, total = round_.recent(app), round_.now.requests.get(app, NOBODY).count
        return {
            "rate": self._meter.rate(f"requests of {app}", total, at=round_.at),
            "p50": recent.quantile(0.5),
            "p95": recent.quantile(0.95),
            "errors": recent.errors / recent.count if recent.count else None,
        }


def _number(count: int | None) -> float | None:
    return None if count is None else float(count)


def _sum(rates: Iterable[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None
