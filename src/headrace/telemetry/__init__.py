"""Every metric, declared once with its unit and meaning, and how the processes log.

Metric names end in their unit. A family belongs to the process that moves it: the API's or the worker's, so that one page can
show both without any family standing twice.
"""

import logging
import sys
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, disable_created_metrics

from headrace.telemetry.memory import resident_bytes
from headrace.telemetry.spaces import Counter, Gauge, Histogram, tell_space

# A series that only tells when another began would double every page.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY: Final = CollectorRegistry(auto_describe=True)
WORKER_REGISTRY: Final = CollectorRegistry(auto_describe=True)

_LATENCY_MS: Final = (0.5, 1, 2, 5, 10, 20, 50, 100, 120, 200, 500, 1000, 2000, 5000)
_LAG_MS: Final = (5, 10, 20, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300, 400, 500, 750, 1000, 2000, 5000, 10000, 60000)

API_REQUESTS: Final = Counter(
    "reco_api_requests_total",
    "Requests answered, by the family of the status; health probes are not counted.",
    ["status_family"],
    registry=REGISTRY,
)
ANSWER_LATENCY: Final = Histogram(
    "reco_answer_latency_ms",
    "Milliseconds from a request's last byte to its answer, of /reco and /recommend alone.",
    buckets=_LATENCY_MS,
    registry=REGISTRY,
)
API_LATENCY: Final = Histogram(
    "reco_api_latency_ms",
    "Milliseconds from a request's last byte to its answer.",
    buckets=_LATENCY_MS,
    registry=REGISTRY,
    including=ANSWER_LATENCY,
)
EVENTS_ACCEPTED: Final = Counter(
    "reco_events_total", "Events at the door, by topic and what became of them.", ["topic", "verdict"], registry=REGISTRY
)
INTAKE_QUEUE: Final = Gauge("reco_intake_queue_records", "Events that wait for the log to take them.", registry=REGISTRY)
IMPRESSIONS_WAITING: Final = Gauge(
    "reco_autolog_waiting_impressions", "Impressions of our own answers that wait for the log.", registry=REGISTRY
)
IMPRESSIONS_DROPPED: Final = Counter(
    "reco_autolog_dropped_total", "Impressions given up because the log was away for too long.", registry=REGISTRY
)
LOG_APPEND_MS: Final = Histogram(
    "reco_log_append_ms", "Milliseconds one grouped append took, commit included.", buckets=_LATENCY_MS, registry=REGISTRY
)
LOG_AWAY: Final = Gauge(
    "reco_log_kafka_away", "1 while Kafka does not take events and the log in Postgres does.", registry=REGISTRY
)
LOG_WAITING: Final = Gauge(
    "reco_log_relay_waiting_records", "Events in the log in Postgres that wait to be carried to Kafka.", registry=REGISTRY
)
LOG_RELAYED: Final = Counter(
    "reco_log_relayed_total", "Events carried from the log in Postgres to Kafka by the API.", registry=REGISTRY
)
WORKER_RELAYED: Final = Counter(
    "reco_worker_relayed_total",
    "Events carried from the log in Postgres to Kafka by the workers.",
    registry=WORKER_REGISTRY,
)
EVENT_TO_VISIBLE: Final = Histogram(
    "reco_event_to_visible_ms",
    "Milliseconds from an event's arrival at the door to the moment a /reco answer of this process reflects it.",
    buckets=_LAG_MS,
    registry=REGISTRY,
)
HALTED_PARTITIONS: Final = Gauge(
    "reco_halted_partitions",
    "Partitions stopped by the brake on dead letters, whether or not a worker owns them.",
    registry=REGISTRY,
)
DEAD_LETTERS_OPEN: Final = Gauge(
    "reco_dead_letters_open", "Dead letters that are neither redriven nor dropped.", registry=REGISTRY
)
SNAPSHOT_AGE: Final = Gauge(
    "reco_snapshot_age_ms", "Milliseconds since the snapshot last agreed with the database.", registry=REGISTRY
)
ATTRIBUTES_LEFT_OUT: Final = Gauge(
    "reco_attributes_left_out", "Names of attributes that found no room and cannot be asked for.", registry=REGISTRY
)
SNAPSHOT_ITEMS: Final = Gauge("reco_snapshot_items", "Items in the snapshot.", registry=REGISTRY)
SNAPSHOT_PAIRS: Final = Gauge(
    "reco_snapshot_pairs", "Neighbour entries in the snapshot, each direction one.", registry=REGISTRY
)
SNAPSHOT_GENERATION: Final = Gauge(
    "reco_snapshot_generation", "The generation of features that answers are made from.", registry=REGISTRY
)
SNAPSHOT_USERS: Final = Gauge("reco_snapshot_users", "Users whose history is held in memory.", registry=REGISTRY)
SNAPSHOT_RELOADS: Final = Counter(
    "reco_snapshot_reloads_total", "Times the snapshot was built from the tables.", registry=REGISTRY
)
ARCHIVE_BYTES: Final = Gauge(
    "reco_archive_bytes",
    "Bytes that the archives of the main generation take on disk, indexes included, by table.",
    ["table"],
    registry=REGISTRY,
)
API_MEMORY: Final = Gauge("reco_api_memory_bytes", "Bytes of memory that the API process holds resident.", registry=REGISTRY)
API_MEMORY.set_function(resident_bytes)

WORKER_RUNNING: Final = Gauge("reco_worker_running", "1 while the worker owns or seeks partitions.", registry=WORKER_REGISTRY)
WORKER_PROCESSED: Final = Counter(
    "reco_worker_processed_total", "Records applied, duplicates included, by topic.", ["topic"], registry=WORKER_REGISTRY
)
REPLAY_APPLIED: Final = Counter(
    "reco_replay_applied_total",
    "Records applied to generations other than the main one, whose records the other figures count; by generation.",
    ["generation"],
    registry=WORKER_REGISTRY,
)
WORKER_DLQ: Final = Counter(
    "reco_worker_dlq_total", "Records dead-lettered, by topic and cause.", ["topic", "error_type"], registry=WORKER_REGISTRY
)
WORKER_LAG: Final = Gauge(
    "reco_worker_consumer_lag_ms",
    "Milliseconds the oldest record that is not applied yet has waited; 0 when all are.",
    ["topic"],
    registry=WORKER_REGISTRY,
)
WATCH_TO_FEATURE: Final = Histogram(
    "reco_watch_event_to_feature_latency_ms",
    "Milliseconds from a watch's arrival at the door to the commit of its features.",
    buckets=_LAG_MS,
    registry=WORKER_REGISTRY,
)
WORKER_BATCH_MS: Final = Histogram(
    "reco_worker_batch_ms",
    "Milliseconds a batch took from its first statement to its commit.",
    buckets=_LAG_MS,
    registry=WORKER_REGISTRY,
)
WORKER_DUPLICATES: Final = Counter(
    "reco_worker_duplicates_total", "Records whose event was counted before, by topic.", ["topic"], registry=WORKER_REGISTRY
)
WORKER_RETRIES: Final = Counter(
    "reco_worker_retries_total", "Batches tried again after a failure of the infrastructure.", registry=WORKER_REGISTRY
)
WORKER_FENCED: Final = Counter(
    "reco_worker_fenced_total",
    "Batches refused at the fence: another owner, or positions that moved.",
    registry=WORKER_REGISTRY,
)
WORKER_GAPS: Final = Counter(
    "reco_worker_gaps_total", "Ranges of offsets the log no longer has, recorded and passed.", registry=WORKER_REGISTRY
)
WORKER_REREADS: Final = Counter(
    "reco_worker_rereads_total", "Reads that left a range of offsets out and were made again.", registry=WORKER_REGISTRY
)
WORKER_STRAYS: Final = Counter(
    "reco_worker_strays_total",
    "Records handed over that were not asked for, and left aside: below the position, twice, or of another partition.",
    registry=WORKER_REGISTRY,
)
WORKER_HALTED: Final = Gauge(
    "reco_worker_halted_partitions",
    "Partitions stopped by the brake on dead letters, of those this worker owns.",
    registry=WORKER_REGISTRY,
)
WORKER_WAITING: Final = Gauge(
    "reco_worker_waiting_partitions",
    "Partitions whose next batch waits because something it needs is away or refuses.",
    registry=WORKER_REGISTRY,
)
DEAD_LETTERS_COPIED: Final = Counter(
    "reco_worker_dlq_copied_total", "Copies of dead letters published to the dead-letter topic.", registry=WORKER_REGISTRY
)
WORKER_PARTITIONS: Final = Gauge("reco_worker_owned_partitions", "Partitions this worker owns.", registry=WORKER_REGISTRY)
WORKER_MEMORY: Final = Gauge(
    "reco_worker_memory_bytes", "Bytes of memory that the worker's process holds resident.", registry=WORKER_REGISTRY
)
WORKER_MEMORY.set_function(resident_bytes)

log: Final = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """How the processes speak.

    ``log_level`` is a standard level name, ``log_format`` ``json`` or ``console``; the worker's metrics page listens on
    ``worker_metrics_host``:``worker_metrics_port`` (a taken port: the next free one, announced) where ``prometheus_enabled``.
    """

    log_level: str = "INFO"
    log_format: str = "json"
    worker_metrics_host: str = "0.0.0.0"  # noqa: S104 -- the contract's default; `make run` sets loopback
    worker_metrics_port: int = 9108
    prometheus_enabled: bool = True


def configure(settings: TelemetrySettings) -> None:
    """Set up logging to stderr for this process: ours and the standard library's alike, one line an entry."""
    level = logging.getLevelNamesMapping()[settings.log_level]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        tell_space,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(
                # Plain: a rich one prints local variables, a password among them.
                colors=sys.stderr.isatty(),
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
