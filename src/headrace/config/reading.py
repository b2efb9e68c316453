"""From the environment to one frozen object: every error is reported at once and nothing falls back silently."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from headrace.api.settings import ApiSettings
from headrace.config import spaces as file_of_spaces
from headrace.config.declared import SETTINGS, Setting
from headrace.config.spaces import DEFAULT, LONGEST_TOPIC, Own, SpacesSettings
from headrace.console.settings import ConsoleSettings
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
TOPICS: Final = {
    "TOPIC_INTERACTION": "topic_interaction",
    "TOPIC_WATCH": "topic_watch",
    "TOPIC_IMPRESSION": "topic_impression",
    "TOPIC_CATALOGUE": "topic_catalogue",
    "TOPIC_DLQ": "topic_dlq",
}


class ConfigurationError(Exception):
    """The settings cannot be used; the message has one line for every bad one and says what would be right."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one space, each room's in its own dataclass; ``home`` is the folder of everything that is kept.

    What is read is the default space's; ``of`` gives another's.
    """

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
    console: ConsoleSettings
    telemetry: TelemetrySettings
    spaces: SpacesSettings
    home: Path
    space: str = DEFAULT
    """Whose settings these are."""

    others: Mapping[str, Own] = field(default_factory=dict)
    """The spaces beside the default one, with what each has set for itself."""

    @property
    def schema(self) -> str:
        """Return the Postgres schema of the space; those of its generations are called after it."""
        return file_of_spaces.schema_of(self.space)

    def of(self, space: str | None) -> "Settings":
        """Return the settings of a space, the default one's for None. Raises ``ConfigurationError`` where there is none.

        It has what it has set for itself, and of the rest what the default one has. Recipes belong to a catalogue: where it
        has set none, the package's answer. Its topics and its worker group are called after it.
        """
        if space is None or space == self.space:
            return self
        if space not in self.others:
            raise ConfigurationError(f"there is no space {space!r}: {self._told()}")
        return self.whether_declared_or_not(space)

    def whether_declared_or_not(self, space: str) -> "Settings":
        """Return the settings that a space has, or had before it was taken out of the file."""
        own = self.others.get(space, {})
        ours = replace(self, space=space, others={}, serving=ServingSettings())
        rooms = {name: {p.partition(".")[2]: own[p] for p in own if p.startswith(f"{name}.")} for name in ROOMS}
        ours = replace(ours, **{name: replace(getattr(ours, name), **values) for name, values in rooms.items() if values})
        topics: dict[str, Any] = {name: f"{space}.{getattr(ours.log, name)}" for name in TOPICS.values()}
        stream = replace(ours.stream, group_id=f"{space}.{ours.stream.group_id}")
        return replace(ours, log=replace(ours.log, **topics), stream=stream)

    def each(self) -> "list[Settings]":
        """Return the settings of every space, the default one first."""
        return [self, *map(self.of, self.others)]

    def _told(self) -> str:
        if self.spaces.file is None:
            return "HEADRACE_SPACES names the file that declares spaces, and is unset"
        return f"{self.spaces.file} declares {', '.join(self.others) or 'none'}"


ROOMS: Final[dict[str, type]] = {
    one.name: one.type for one in fields(Settings) if isinstance(one.type, type) and one.name not in {"home", "space"}
}


def environment() -> dict[str, str]:
    """Return a copy of the process's environment, for handing it on to a child process."""
    return dict(os.environ)


def read(environ: Mapping[str, str] | None = None, *, space: str | None = None) -> Settings:
    """Return the settings that the environment asks for, defaults elsewhere: the default space's, or those of ``space``.

    An empty value counts as unset only where being unset has a meaning of its own (``DATABASE_URL``, ``KAFKA_BOOTSTRAP``,
    ``HEADRACE_HOME``). Touches no file but that of the spaces, and no network. Raises ``ConfigurationError`` naming every bad
    setting.
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
    if settings.spaces.file is not None:
        others, wrong = file_of_spaces.declared(settings.spaces.file)
        settings = replace(settings, others=others)
        errors += wrong or _shared_topics(settings)
    if errors:
        raise ConfigurationError("\n".join(errors))
    return settings.of(space)


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
    database = settings.database
    if database.pool_min > database.pool_max:
        errors.append(
            f"DB_POOL_MIN_SIZE={database.pool_min}: expected at most DB_POOL_MAX_SIZE ({database.pool_max}); the default is 1"
        )
    topics = {name: getattr(settings.log, its) for name, its in TOPICS.items()}
    for name, topic in topics.items():
        twin = next(other for other, its in topics.items() if its == topic)
        if twin != name:
            errors.append(f"{name}={topic!r}: expected a name of its own, but it is also that of {twin}")
    return errors


def _shared_topics(settings: Settings) -> list[str]:
    """Return a line for every topic of two spaces, and for every one whose name is too long with the space's before it."""
    errors = []
    whose: dict[str, str] = {}
    for one in settings.each():
        for its in TOPICS.values():
            topic = getattr(one.log, its)
            if whose.setdefault(topic, one.space) != one.space:
                errors.append(f"the topic {topic!r} would be that of the spaces {whose[topic]} and {one.space}: rename either")
            if len(topic) > LONGEST_TOPIC:
                errors.append(f"the topic {topic!r} has more than {LONGEST_TOPIC} characters: shorten it or the space's name")
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
