"""All rows, in the order of the table."""

from typing import Final

from tests.faults.rows import (
    broker,
    door,
    handing,
    kills,
    points,
    poison,
    postgres_away,
    rebalancing,
    repeats,
    replay,
    starting,
)
from tests.faults.trial import LogKind, Row

ORACLE: Final = "the oracle"
NO_BROKER: Final[dict[LogKind, str]] = {"postgres": "the embedded log has no broker"}

ROWS: Final = (
    Row(
        "kills",
        "SIGKILL of a random one of 3 workers, 100 times during 1,000,000 events",
        ORACLE,
        kills.kills_of_workers,
    ),
    Row(
        "replay",
        "replay of 1,000,000 events under live ingest, workers killed 20 times, then flipped",
        "no read error; p99 of /reco at most doubles, or stays below 20 ms; equal to a recomputation; the way back works",
        replay.replay,
    ),
    Row(
        "points",
        "SIGKILL of a worker before, during and after every statement",
        ORACLE + ", at every point",
        points.worker_points,
    ),
    Row("api-points", "SIGKILL of an API before, during and after every step of an append", ORACLE, points.api_points),
    Row("apis", "SIGKILL of one of 2 APIs under load", ORACLE, kills.kills_of_apis),
    Row("zombies", "a worker stopped past its lease comes back", "it is fenced; nothing counts twice", kills.zombies),
    Row("leaving", "SIGTERM with work in flight", "out within 10 s, code 0; no duplicate", kills.leaving),
    Row(
        "leaving-apis",
        "SIGTERM of one of 2 APIs under load",
        ORACLE + "; out within 10 s, code 0; the impressions of its last answers count",
        kills.leaving_apis,
    ),
    Row("rebalancing", "workers join, leave and die over a backlog", ORACLE + "; partitions move", rebalancing.rebalancing),
    Row(
        "restarts",
        "pg_ctl -m immediate restart under load",
        ORACLE + "; no dead letter; 503 with Retry-After on the embedded log",
        postgres_away.immediate_restarts,
    ),
    Row("torn", "connections to Postgres cut, delayed, half-open", ORACLE, postgres_away.torn_connections),
    Row(
        "away",
        "Postgres away for 60 s",
        "the worker waits; /readyz degraded; /reco answers from memory and says how old",
        postgres_away.away,
        idle=True,
    ),
    Row(
        "starting",
        "API and worker start 90 s before what they need",
        "both become ready by themselves",
        starting.before_all_else,
        idle=True,
    ),
    Row(
        "broker",
        "the broker killed 5 times, stopped 5 times, asleep once",
        ORACLE + "; recovery within 30 s without a restart of ours",
        broker.stops,
        elsewhere=NO_BROKER,
    ),
    Row("torn-kafka", "connections to Kafka cut, delayed, half-open", ORACLE, broker.torn_connections, elsewhere=NO_BROKER),
    Row(
        "kafka-away",
        "Kafka unreachable for 60 s",
        "events go to the Postgres log and are carried over; none refused, none lost",
        broker.away,
        elsewhere=NO_BROKER,
        idle=True,
    ),
    Row(
        "handing",
        "the client library skips a range, hands over records again or of another partition",
        "detected, read again, counted in a metric",
        handing.skipping_and_straying,
    ),
    Row("poison", "1 % poison in 100,000 records", "every neighbour counts; one dead letter per poison", poison.one_percent),
    Row("giant", "a poison larger than any limit", "stored truncated, with its hash; no neighbour lost", poison.giant),
    Row(
        "brake",
        "all poison for 10 s",
        "halts at the brake; nothing dropped; goes on when resumed",
        poison.nothing_but_poison,
        idle=True,
    ),
    Row("refused", "the store of dead letters refuses", "the offset does not move", poison.refusing_store),
    Row("repeats", "the same event 1 to 5 times, 200 at once, across a restart", "counts once", repeats.the_same_event),
    Row("conflicts", "the same id with another payload", "422 or a dead letter; the first one wins", repeats.another_payload),
    Row("ages", "29 and 31 days old, 4 and 6 minutes ahead", "taken, 422, taken, 422", door.ages),
    Row("inputs", "every bad input", "4xx, nothing stored, never a 500", door.bad_inputs),
)
