"""The declared settings: one row each, from which both the parser and the settings page are checked.

Defaults are not repeated here: they are those of the room's own dataclass. Names of the public contract stand as they are;
ours begin with ``HEADRACE_``, and an unknown one of these is an error.
"""

from dataclasses import dataclass
from typing import Final

from headrace.config.kinds import (
    ANYTHING,
    BROKERS,
    CLIENT_OPTIONS,
    FILE,
    HOST,
    NAME,
    NAMES,
    PORT,
    TOPIC,
    Choice,
    Flag,
    Folder,
    Kind,
    PostgresUrl,
    Real,
    Whole,
)

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: what it may say, which field it fills (``room.field``), in which unit, and what it does in a sentence.

    ``default`` is told in words only where the dataclass cannot tell it.
    """

    name: str
    field: str
    kind: Kind
    unit: str
    sentence: str
    default: str | None = None


def _rooms(**rooms: tuple[tuple[str, str, Kind, str, str], ...]) -> tuple[Setting, ...]:
    return tuple(
        Setting(name, f"{room}.{field}", kind, unit, sentence)
        for room, rows in rooms.items()
        for name, field, kind, unit, sentence in rows
    )


HOME: Final = Setting(
    "HEADRACE_HOME",
    "home",
    Folder(),
    "",
    "The folder of everything that is kept: the embedded Postgres and its log file.",
    "`.headrace` in the current folder; `/var/lib/headrace/<hash>` where Postgres' user cannot reach that",
)

SETTINGS: Final[tuple[Setting, ...]] = (
    HOME,
    *_rooms(
        spaces=(
            (
                "HEADRACE_SPACES",
                "file",
                Folder("a TOML file"),
                "",
                "The file that declares further spaces, each with data, recipes and settings of its own.",
            ),
        ),
        api=(
            ("API_HOST", "host", HOST, "", "The address the API listens on; other than loopback lets others in, without keys."),
            ("API_PORT", "port", PORT, "", "The port the API listens on."),
            (
                "API_EMBEDDED_WORKER_ENABLED",
                "embedded_worker",
                Flag(),
                "",
                "Runs the worker inside the API process instead of as a process of its own.",
            ),
            ("RECO_METRICS_WINDOW_SEC", "metrics_window_sec", Whole(1, 604_800), "s", "How far back `/metrics/reco` looks."),
            (
                "RECO_METRICS_MAX_SAMPLES",
                "metrics_max_samples",
                Whole(1, 10_000_000),
                "requests",
                "How many requests `/metrics/reco` remembers at most.",
            ),
            (
                "HEADRACE_API_BODY_TIMEOUT_S",
                "body_timeout_s",
                Whole(1, 600),
                "s",
                "How long a request's body may take to arrive before the connection is closed.",
            ),
        ),
        console=(
            (
                "HEADRACE_CONSOLE_OPEN",
                "open",
                Flag(),
                "",
                "Whether the console answers to others than this machine, to whoever reaches the API: there are no keys.",
            ),
            (
                "HEADRACE_CONSOLE_HOSTS",
                "hosts",
                NAMES,
                "",
                "The names that browsers may call the console by, beside localhost and plain addresses.",
            ),
        ),
        limits=(
            (
                "CONTRACT_MAX_EVENT_FUTURE_MS",
                "max_future_ms",
                Whole(0, 365 * DAY_MS),
                "ms",
                "How far ahead of our clock an event's time may be.",
            ),
            (
                "CONTRACT_MAX_EVENT_AGE_MS",
                "max_age_ms",
                Whole(1_000, 36_500 * DAY_MS),
                "ms",
                "How old a live event may be; a declared import of history may be older.",
            ),
            (
                "CONTRACT_MAX_BATCH_SIZE",
                "max_batch",
                Whole(1, 10_000),
                "events",
                "How many events a `POST /log/batch` may hold.",
            ),
        ),
        database=(
            (
                "DATABASE_URL",
                "url",
                PostgresUrl(),
                "",
                "The Postgres to use instead of the embedded one; in it, only tables of ours are made.",
            ),
            ("DB_POOL_MIN_SIZE", "pool_min", Whole(0, 1_000), "connections", "How many connections each process keeps open."),
            (
                "DB_POOL_MAX_SIZE",
                "pool_max",
                Whole(1, 1_000),
                "connections",
                "How many connections each process opens at most.",
            ),
        ),
        log=(
            (
                "KAFKA_BOOTSTRAP",
                "kafka_bootstrap",
                BROKERS,
                "",
                "Kafka's brokers: the log is then kept there, and the one in Postgres stands in for it while it is away.",
            ),
            ("TOPIC_INTERACTION", "topic_interaction", TOPIC, "", "The topic of events that came by `POST /event`."),
            ("TOPIC_WATCH", "topic_watch", TOPIC, "", "The topic of watches."),
            ("TOPIC_IMPRESSION", "topic_impression", TOPIC, "", "The topic of impressions."),
            ("TOPIC_CATALOGUE", "topic_catalogue", TOPIC, "", "The topic of changes of the catalogue."),
            ("TOPIC_DLQ", "topic_dlq", TOPIC, "", "The topic of dead letters."),
            (
                "HEADRACE_LOG_PARTITIONS",
                "partitions",
                Whole(1, 256),
                "partitions",
                "How many partitions each topic has, in both logs; fixed once the log exists.",
            ),
            (
                "HEADRACE_LOG_RETENTION_HOURS",
                "retention_hours",
                Whole(1, 87_600),
                "h",
                "How long the log keeps a record that has been applied; Kafka's topics, where we make them, keep any so long.",
            ),
            (
                "HEADRACE_LOG_QUEUE_RECORDS",
                "queue_records",
                Whole(100, 10_000_000),
                "records",
                "How many records may wait for their commit before the door answers 503.",
            ),
        ),
        kafka=(
            (
                "KAFKA_SECURITY_PROTOCOL",
                "security_protocol",
                Choice(("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")),
                "",
                "Whether connections to Kafka are encrypted (SSL), and whether we say who we are (SASL).",
            ),
            (
                "KAFKA_SASL_MECHANISM",
                "sasl_mechanism",
                Choice(("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI")),
                "",
                "How we say to Kafka who we are.",
            ),
            ("KAFKA_SASL_USERNAME", "sasl_username", ANYTHING, "", "Who we are to Kafka."),
            ("KAFKA_SASL_PASSWORD", "sasl_password", ANYTHING, "", "The password for it; never logged."),
            ("KAFKA_SSL_CA_LOCATION", "ssl_ca_location", FILE, "", "The certificates that we trust, as a PEM file."),
            (
                "KAFKA_SSL_CERTIFICATE_LOCATION",
                "ssl_certificate_location",
                FILE,
                "",
                "Our own certificate, as a PEM file, where the brokers ask for one.",
            ),
            ("KAFKA_SSL_KEY_LOCATION", "ssl_key_location", FILE, "", "The key of our certificate, as a PEM file."),
            ("KAFKA_SSL_KEY_PASSWORD", "ssl_key_password", ANYTHING, "", "The password of that key; never logged."),
            (
                "HEADRACE_KAFKA_OPTIONS",
                "options",
                CLIENT_OPTIONS,
                "",
                "Further options of the client library; `linger.ms=5;compression.type=lz4`, say.",
            ),
            (
                "HEADRACE_KAFKA_REPLICATION",
                "replication",
                Whole(0, 100),
                "brokers",
                "How many brokers keep each partition of a topic that we make; 0 leaves it to their default.",
            ),
            (
                "HEADRACE_KAFKA_APPEND_MS",
                "append_ms",
                Whole(50, 60_000),
                "ms",
                "How long an event waits for Kafka before the log in Postgres takes it.",
            ),
        ),
        broker=(
            ("HEADRACE_KAFKA_PORT", "port", Whole(1024, 65534), "", "The port of the broker that `headrace kafka start` runs."),
            (
                "HEADRACE_KAFKA_CACHE",
                "cache",
                Folder(),
                "",
                "The folder that Kafka's jars are fetched into; unset: `~/.cache/headrace/kafka`.",
            ),
        ),
        stream=(
            (
                "KAFKA_WORKER_GROUP_ID",
                "group_id",
                NAME,
                "",
                "The worker group, in both logs; another one has its own positions and its own generation of features.",
            ),
            (
                "KAFKA_WORKER_AUTO_OFFSET_RESET",
                "auto_offset_reset",
                Choice(("earliest", "latest")),
                "",
                "Where a group without positions starts, in both logs.",
            ),
            (
                "KAFKA_WORKER_POLL_TIMEOUT_MS",
                "poll_timeout_ms",
                Whole(1, 60_000),
                "ms",
                "How long one poll of Kafka may wait for records; 20 ms are enough and not exceeded.",
            ),
            (
                "KAFKA_WORKER_MAX_POLL_RECORDS",
                "max_poll_records",
                Whole(1, 10_000),
                "records",
                "How many records of a topic one transaction takes at most, in both logs.",
            ),
            (
                "HEADRACE_STREAM_LEASE_MS",
                "lease_ms",
                Whole(500, 600_000),
                "ms",
                "A worker silent for so long has lost its partitions to the others.",
            ),
            (
                "HEADRACE_STREAM_IDLE_POLL_MS",
                "idle_poll_ms",
                Whole(1, 10_000),
                "ms",
                "How long a worker with nothing to read waits before it looks again.",
            ),
            (
                "HEADRACE_STREAM_KEPT_GENERATION_HOURS",
                "kept_generation_hours",
                Whole(0, 8_760),
                "h",
                "How long the generation before a flip is followed for the way back; then it is dropped.",
            ),
            (
                "HEADRACE_STREAM_NICENESS",
                "niceness",
                Whole(0, 19),
                "",
                "How much a worker process gives way to other processes of its machine; 0 is not at all.",
            ),
            (
                "HEADRACE_STREAM_BRAKE_RUN",
                "brake_run",
                Whole(1, 1_000_000),
                "records",
                "So many poisonous records in a row halt their partition.",
            ),
            (
                "HEADRACE_STREAM_BRAKE_RATIO",
                "brake_ratio",
                Real(0.001, 1),
                "share",
                "A partition halts when more than this share of its last 1000 records was poisonous; 1 never halts.",
            ),
        ),
        features=(
            (
                "STREAM_FEATURE_HISTORY_SIZE",
                "history_size",
                Whole(1, 1_000),
                "events",
                "How many of a user's latest events are remembered.",
            ),
            (
                "HEADRACE_FEATURE_HALF_LIFE_DAYS",
                "half_life_days",
                Real(0.01, 36_500),
                "days",
                "After so long an event's weight in decayed popularity and co-visitation has halved.",
            ),
            (
                "HEADRACE_FEATURE_WINDOW",
                "window",
                Whole(1, 100),
                "events",
                "How many of a user's previous events an event is paired with.",
            ),
            (
                "HEADRACE_FEATURE_BACKWARD",
                "backward",
                Real(0, 1),
                "share",
                "The weight of a pair against the order in which its events happened, where the forward one has 1.",
            ),
            (
                "HEADRACE_FEATURE_STEP_DECAY",
                "step_decay",
                Real(0, 4),
                "power",
                "The d-th item back in a session counts for d to the power of minus this; 0 counts the whole window alike.",
            ),
            (
                "HEADRACE_FEATURE_SESSION_GAP_MINUTES",
                "session_gap_minutes",
                Whole(1, 10_080),
                "min",
                "So long a silence ends a session where the client names none.",
            ),
        ),
        snapshot=(
            (
                "HEADRACE_SNAPSHOT_NEIGHBOURS",
                "neighbours",
                Whole(1, 10_000),
                "items",
                "How many of an item's strongest neighbours are held in memory.",
            ),
            (
                "HEADRACE_SNAPSHOT_CACHED_USERS",
                "cached_users",
                Whole(1, 100_000_000),
                "users",
                "How many users' histories are held in memory.",
            ),
            (
                "HEADRACE_SNAPSHOT_UNKNOWN_ITEMS",
                "unknown_items",
                Flag(),
                "",
                "Whether an item is shown that events name but the catalogue never heard of.",
            ),
            (
                "HEADRACE_SNAPSHOT_CONTENT",
                "content",
                Flag(),
                "",
                "Whether the titles, categories and texts of items are indexed in memory, so that alike ones are found.",
            ),
            ("HEADRACE_SNAPSHOT_POLL_MS", "poll_ms", Whole(1, 10_000), "ms", "How often the changelog is looked at."),
        ),
        serving=(
            ("HEADRACE_SERVING_RECIPE", "recipe", NAME, "", "The recipe that answers until one is made the default."),
            (
                "HEADRACE_SERVING_RECIPES",
                "recipes",
                Folder(),
                "",
                "A folder of recipes beside the package's; a changed file answers within a second, without a restart.",
            ),
        ),
        telemetry=(
            (
                "WORKER_METRICS_HOST",
                "worker_metrics_host",
                HOST,
                "",
                "The address a worker shows its metrics on; `headrace run` makes it 127.0.0.1 unless it is set.",
            ),
            (
                "WORKER_METRICS_PORT",
                "worker_metrics_port",
                PORT,
                "",
                "The port a worker shows its metrics on; where it is taken, the next free one, announced.",
            ),
            ("PROMETHEUS_METRICS_ENABLED", "prometheus_enabled", Flag(), "", "Whether metrics are shown for Prometheus."),
            (
                "LOG_LEVEL",
                "log_level",
                Choice(("DEBUG", "INFO", "WARNING", "ERROR")),
                "",
                "The least serious messages that are logged.",
            ),
            (
                "LOG_FORMAT",
                "log_format",
                Choice(("json", "console")),
                "",
                "One JSON object a line, or lines for people.",
            ),
        ),
    ),
)
