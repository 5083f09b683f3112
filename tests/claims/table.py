"""What the original promised, sentence by sentence, and where each promise is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """`PREPARED` is checked as far as one machine without a container engine allows; `OPEN` is not there."""

    HOLDS = "holds"
    PREPARED = "prepared"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """
    One sentence. `tests` name what is run, as pytest does; `lives_in` are files of the repository; `note` says what was
    not run, or what is missing.
    """

    number: int
    says: str
    tests: Sequence[str]
    lives_in: Sequence[str]
    state: State = State.HOLDS
    note: str = ""


def _here(name: str) -> str:
    return f"tests/claims/test_shop.py::{name}"


def _front(name: str) -> str:
    return f"tests/claims/test_services.py::{name}"


CLAIMS = (
    Claim(
        number=1,
        says="Four services can be deployed without each other.",
        tests=[
            _front("test_01_orders_serves_alone"),
            "tests/shapes/test_suite.py",
            "tests/architecture/test_extraction.py::TestAnApp",
            "tests/deploy/test_services.py",
            "tests/deploy/test_alone.py",
            "tests/eventbus/moving/test_move.py",
            "tests/extraction/test_short_run.py",
        ],
        lives_in=[
            "nexus/embedded/shapes.py",
            "nexus/settings/orders.py",
            "docker-compose.yml",
            "Dockerfile",
            "docs/extracting-an-app.md",
        ],
        note="Each has an image of its own by a build argument; no container engine was at hand to build it. "
        "Inventory leaves a shop that sells; the way back is in `make nightly`.",
    ),
    Claim(
        number=2,
        says="PostgreSQL keeps orders and users, MongoDB the catalog, Redis the stock that is read.",
        tests=[_here("test_02_each_store_keeps_what_it_should")],
        lives_in=["nexus/orders/models.py", "nexus/catalog/models/product.py", "nexus/inventory/cache.py"],
    ),
    Claim(
        number=3,
        says="Each service owns its data; no table is shared.",
        tests=[
            _here("test_03_no_database_has_anothers_tables"),
            "tests/shapes/test_suite.py::TestRoles",
            "tests/architecture/test_boundaries.py::TestTheTree",
        ],
        lives_in=["nexus/routers.py", "pyproject.toml"],
        note="With a role of its own no app can connect to another's database.",
    ),
    Claim(
        number=4,
        says="Placing an order publishes an event.",
        tests=[_here("test_04_an_order_is_told_at_the_broker")],
        lives_in=["nexus/contracts/orders.py", "nexus/eventbus/relay.py"],
    ),
    Claim(
        number=5,
        says="Inventory hears it and stock changes, without a call from one service to the other.",
        tests=[_front("test_05_stock_changes_while_inventory_takes_no_calls")],
        lives_in=["nexus/inventory/handlers.py"],
    ),
    Claim(
        number=6,
        says="Products can be read while inventory and orders are down.",
        tests=[_front("test_06_products_are_read_while_inventory_and_orders_are_down")],
        lives_in=["nexus/catalog/services/availability.py"],
    ),
    Claim(
        number=7,
        says="RabbitMQ can be replaced by Kafka.",
        tests=["tests/journeys/test_switch.py::test_a_switch_under_load_loses_nothing_and_doubles_nothing"],
        lives_in=["nexus/eventbus/backends/kafka/publisher.py", "docs/operations.md"],
        note="Against a small broker that speaks Kafka's protocol; no cluster of Apache Kafka was at hand.",
    ),
    Claim(
        number=8,
        says="A gateway on one port routes to every service, users included.",
        tests=[_front("test_08_one_door_leads_to_every_service")],
        lives_in=["nexus/gateway/routes.py", "nexus/gateway/proxy.py"],
    ),
    Claim(
        number=9,
        says="The gateway filters what is not allowed.",
        tests=[
            _front("test_09_the_door_refuses_bad_tokens_itself"),
            "tests/gateway/test_conformance.py::test_refuses_paths_that_servers_read_differently",
        ],
        lives_in=["nexus/gateway/api/elsewhere.py", "nexus/gateway/headers.py"],
    ),
    Claim(
        number=10,
        says="The gateway limits rates.",
        tests=[_front("test_10_the_door_limits_rates"), "tests/gateway/test_limits.py::TestRateLimiter"],
        lives_in=["nexus/gateway/limits.py"],
    ),
    Claim(
        number=11,
        says="What happens can be observed where requests come in.",
        tests=[_here("test_11_a_request_is_counted_traced_and_named")],
        lives_in=["nexus/web/instruments.py", "nexus/telemetry/figures.py"],
    ),
    Claim(
        number=12,
        says="Services are discovered, with Consul or Eureka.",
        tests=[
            "tests/gateway/test_discovery.py::TestWatching",
            "tests/web/test_registration.py::test_consul_is_told_where_to_look_and_when_it_is_over",
        ],
        lives_in=["nexus/gateway/discovery/sources.py", "nexus/web/registration.py"],
        note="Against small servers that speak their documented HTTP; neither was at hand.",
        state=State.PREPARED,
    ),
    Claim(
        number=13,
        says="Logs are central: Elasticsearch, Logstash, Kibana.",
        tests=[_here("test_13_every_process_writes_lines_for_machines"), "tests/observability/test_elk.py"],
        lives_in=["nexus/web/logs.py", "deploy/elk"],
        note="The pipeline and Kibana's objects are checked against our lines; the three servers were not run.",
        state=State.PREPARED,
    ),
    Claim(
        number=14,
        says="Prometheus and Grafana watch the shop.",
        tests=["tests/observability/test_dashboards.py", "tests/telemetry/test_figures.py::TestTheBus"],
        lives_in=["deploy/observability", "docs/runbook.md"],
        note="Prometheus is run and every panel's query asked; Grafana itself was not run.",
    ),
    Claim(
        number=15,
        says="One command starts everything with Compose.",
        tests=["tests/deploy/test_compose.py", "tests/deploy/test_commands.py", "tests/deploy/test_processes.py"],
        lives_in=["docker-compose.yml", "Dockerfile"],
        note="Judged by the Compose binary, its commands run as plain processes; no container engine was at hand.",
        state=State.PREPARED,
    ),
    Claim(
        number=16,
        says="Inventory keeps its stock when it is stopped.",
        tests=[_here("test_16_stock_survives_a_killed_worker")],
        lives_in=["nexus/inventory/models.py"],
    ),
    Claim(
        number=17,
        says="Users have tokens, by JWT and OAuth 2.",
        tests=[
            _here("test_17_tokens_are_verified_by_published_keys"),
            "tests/accounts/test_authorization_code.py::TestAuthorizationCode",
        ],
        lives_in=["nexus/accounts/services/tokens.py", "nexus/accounts/api/oauth.py"],
    ),
    Claim(
        number=18,
        says="Redis answers what is read most.",
        tests=[_here("test_18_stock_is_read_from_redis_and_found_again_when_redis_forgets")],
        lives_in=["nexus/inventory/cache.py", "nexus/web/express/shared.py"],
    ),
    Claim(
        number=19,
        says="It runs on Kubernetes, in the cloud or on a laptop.",
        tests=[
            "tests/kubernetes/test_manifests.py::TestKubernetes",
            "tests/kubernetes/test_network.py::TestTheNetwork",
            "tests/kubernetes/test_processes.py::TestTheServices",
        ],
        lives_in=["deploy/k8s", "docs/kubernetes.md"],
        note="Rendered, and valid on three versions; no cluster was at hand.",
        state=State.PREPARED,
    ),
    Claim(
        number=20,
        says="Commands and queries are apart, and what happened is the source of what is.",
        tests=[
            "tests/journeys/test_rebuild.py::TestEveryReadModel",
            "tests/journeys/test_rebuild.py::TestWhileCustomersBuy",
        ],
        lives_in=["nexus/orders/services/restore.py", "docs/adr"],
    ),
    Claim(
        number=21,
        says="OpenTelemetry traces what spans services.",
        tests=["tests/telemetry/test_traces.py::TestTheTraceOfAnOrder"],
        lives_in=["nexus/telemetry/tracing.py"],
    ),
    Claim(
        number=22,
        says="Several regions.",
        tests=[
            "tests/regions/test_regions.py::TestTwoRegions",
            "tests/regions/test_lives.py::TestLives",
            "tests/regions/test_links.py::TestALink",
        ],
        lives_in=["nexus/inventory/services/shares", "nexus/eventbus/crossing.py", "docs/regions.md"],
        note="Each sells from its share of the stock; only stock moves. Two ran on one machine, links cut and healed.",
        state=State.PREPARED,
    ),
    Claim(
        number=23,
        says="It grows and shrinks by itself with what there is to do.",
        tests=["tests/kubernetes/test_names.py::TestScaling", "tests/kubernetes/test_names.py::TestScalingByLag"],
        lives_in=["deploy/k8s/parts", "deploy/k8s/components/keda"],
        note="By processor, and by lag and depth with KEDA; nothing has been scaled on a cluster.",
        state=State.PREPARED,
    ),
    Claim(
        number=24,
        says="Circuit breakers, retries and backpressure.",
        tests=[
            "tests/gateway/test_resilience.py::test_a_service_that_always_fails_gets_hardly_more_attempts_than_requests",
            "tests/gateway/test_breaker.py::test_opens_after_failures_in_a_row",
            "tests/web/test_pressure.py",
        ],
        lives_in=["nexus/gateway/upstream/breaker.py", "nexus/gateway/upstream/budget.py"],
    ),
    Claim(
        number=25,
        says="It stays responsive under load and when a part has failed.",
        tests=["tests/resilience/test_matrix.py::TestTheShop"],
        lives_in=["docs/performance.md", "docs/reliability.md"],
        note="Under load: goodput at three times the peak, in `benchmarks/results/latest.json`.",
    ),
)
