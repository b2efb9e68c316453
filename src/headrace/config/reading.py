"""From the environment to one frozen object: every error is reported at once and nothing falls back silently."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from headrace.api.settings import ApiSettings
from headrace.config.declared import SETTINGS, Setting
from headrace.embedded.home import default_home
from headrace.embedded.settings import BrokerSettings
from headrace.events.contract import Limits
from headrace.features.settings import FeatureSettings
from headrace.log.settings import KafkaSettings, LogSettings
from headrace.serving.settings import ServingSettings
from headrace.snapshot.settings import SnapshotSettings
from headrace.store.settings import DatabaseSettings
from headrace.stream.settings import StreamSettings
from headrace.telemetry import TelemetrySettings

OURS: Final = "HEADRACE_"
SECRET: Final = frozenset({"kafka.sasl_password", "kafka.ssl_key_password", "kafka.options"})
OF_THE_TESTS: Final = "HEADRACE_TEST_"


class ConfigurationError(Exception):
    """The settings cannot be used; the message has one line for every bad one and says what would be right."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, each room's in its own dataclass; ``home`` is the folder of everything that is kept."""

    limits: Limits
    features: FeatureSettings
    stream: StreamSettings
    database: DatabaseSettings
    log: LogSettings
    kafka: KafkaSettings
    broker: BrokerSettings
    snapshot: SnapshotSettings
    serving: ServingSettings
    api: ApiSettings
    telemetry: TelemetrySettings
    home: Path


ROOMS: Final[dict[str, type]] = {
    field.name: field.type for field in fields(Settings) if isinstance(field.type, type) and field.name != "home"
}


def environment() -> dict[str, str]:
    """Return a copy of the process's environment, for handing it on to a child process."""
    return dict(os.environ)


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings that the environment asks for, defaults elsewhere.

    An empty value counts as unset only where being unset has a meaning of its own (``DATABASE_URL``, ``KAFKA_BOOTSTRAP``,
    ``HEADRACE_HOME``). Touches neither files nor network. Raises ``ConfigurationError`` naming every bad setting.
    """
    given = os.environ if environ is None else environ
    errors = _unknown(given)
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = given.get(setting.name)
        if text is None or (not text and default_of(setting) is None):
            continue
        try:
            values[setting.field] = setting.kind.read(text)
        except ValueError:
            shown = _shown(setting, text)
            errors.append(f"{setting.name}={shown!r}: expected {setting.kind.expects}; the default is {told_default(setting)}")
    if errors:
        raise ConfigurationError("\n".join(errors))
    rooms = {
        room: kind(**{path.partition(".")[2]: value for path, value in values.items() if path.startswith(f"{room}.")})
        for room, kind in ROOMS.items()
    }
    settings = Settings(home=values.get("home") or default_home(Path.cwd()), **rooms)
    errors = _contradictions(settings)
    if errors:
        raise ConfigurationError("\n".join(errors))
    return settings


def default_of(setting: Setting) -> object:
    """Return the value a setting has when it is not set: its dataclass' own default."""
    room, _, name = setting.field.partition(".")
    return next((field.default for field in fields(ROOMS[room]) if field.name == name), None) if name else None


def told_default(setting: Setting) -> str:
    """Return the default as the settings page and the messages tell it."""
    if setting.default is not None:
        return setting.default
    value = default_of(setting)
    if value is None:
        return "unset"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _unknown(given: Mapping[str, str]) -> list[str]:
    known = [setting.name for setting in SETTINGS]
    errors = []
    for name in sorted(given):
        if name.startswith(OURS) and not name.startswith(OF_THE_TESTS) and name not in known:
            near = get_close_matches(name, known, n=1)
            errors.append(f"{name}: there is no such setting{f'; did you mean {near[0]}?' if near else ''}")
    return errors


def _contradictions(settings: Settings) -> list[str]:
    errors = []
    database, log = settings.database, settings.log
    if database.pool_min > database.pool_max:
        errors.append(
            f"DB_POOL_MIN_SIZE={database.pool_min}: expected at most DB_POOL_MAX_SIZE ({database.pool_max}); the default is 1"
        )
    topics = {
        "TOPIC_INTERACTION": log.topic_interaction,
        "TOPIC_WATCH": log.topic_watch,
        "TOPIC_IMPRESSION": log.topic_impression,
        "TOPIC_CATALOGUE": log.topic_catalogue,
        "TOPIC_DLQ": log.topic_dlq,
    }
    for name, topic in topics.items():
        twin = next(other for other, its in topics.items() if its == topic)
        if twin != name:
            errors.append(f"{name}={topic!r}: expected a name of its own, but it is also that of {twin}")
    return errors


def _shown(setting: Setting, text: str) -> str:
    """Return what may be told of a bad value: a password neither whole nor in part."""
    if setting.field == "database.url":
        return _without_password(text)
    return "(not shown)" if setting.field in SECRET else text


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not shown)"
    if parts.password is None:
        return url
    return parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")).geturl()
