"""What a setting's text may say: each kind reads it into a value or raises ``ValueError``, and names what it expects."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")
REAL: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
TRUE: Final = ("true", "1", "yes", "on")
FALSE: Final = ("false", "0", "no", "off")


class Kind(Protocol):
    """Reads one sort of value."""

    @property
    def expects(self) -> str:
        """Return what a right value looks like, for messages and the settings page."""
        ...

    def read(self, text: str) -> object:
        """Return the value that the text stands for; raises ``ValueError`` where it stands for none."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number in a closed range."""

    low: int
    high: int

    @property
    def expects(self) -> str:
        """Return the range in words."""
        return f"a whole number from {self.low} to {self.high}"

    def read(self, text: str) -> int:
        """Return the number; digits only, so that ``1e3``, ``0x10`` and ``1_000`` are refused."""
        if not WHOLE.fullmatch(text) or not self.low <= int(text) <= self.high:
            raise ValueError(text)
        return int(text)


@dataclass(frozen=True, slots=True)
class Real:
    """A finite number in a closed range."""

    low: float
    high: float

    @property
    def expects(self) -> str:
        """Return the range in words."""
        return f"a number from {self.low:g} to {self.high:g}"

    def read(self, text: str) -> float:
        """Return the number, written with or without a decimal point."""
        if not REAL.fullmatch(text) or not self.low <= float(text) <= self.high:
            raise ValueError(text)
        return float(text)


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no."""

    expects: str = "true or false"

    def read(self, text: str) -> bool:
        """Return the flag; 1/0, yes/no and on/off are understood too, in any case."""
        if text.lower() in TRUE:
            return True
        if text.lower() in FALSE:
            return False
        raise ValueError(text)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words, in any case."""

    words: tuple[str, ...]

    @property
    def expects(self) -> str:
        """Return the words."""
        return "one of " + ", ".join(self.words)

    def read(self, text: str) -> str:
        """Return the word as it is declared, whatever case the text has."""
        for word in self.words:
            if word.lower() == text.lower():
                return word
        raise ValueError(text)


@dataclass(frozen=True, slots=True)
class Text:
    """Text that a pattern matches as a whole."""

    expects: str
    pattern: str

    def read(self, text: str) -> str:
        """Return the text itself."""
        if not re.fullmatch(self.pattern, text):
            raise ValueError(text)
        return text


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """Where a Postgres is."""

    expects: str = "a URL such as postgresql://user:password@host:5432/database"

    def read(self, text: str) -> str:
        """Return the URL itself; whether anything answers there is found out on connecting."""
        parts = urlsplit(text)
        if parts.scheme not in {"postgresql", "postgres"} or not (parts.netloc or parts.path.strip("/") or parts.query):
            raise ValueError(text)
        _ = parts.port  # raises ValueError where it is no port
        return text


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, which need not exist yet."""

    expects: str = "a folder"

    def read(self, text: str) -> Path:
        """Return the folder as an absolute path, with ``~`` replaced."""
        if "\0" in text:
            raise ValueError(text)
        try:
            return Path(text).expanduser().absolute()
        except RuntimeError as error:  # no home folder is known
            raise ValueError(text) from error


@dataclass(frozen=True, slots=True)
class Several:
    """Several texts of a kind with commas between them; none where nothing is said."""

    expects: str
    one: Text

    def read(self, text: str) -> tuple[str, ...]:
        """Return them in lower case."""
        return tuple(self.one.read(part.strip()).lower() for part in text.split(",")) if text.strip() else ()


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and values, without those names that are not the operator's to set."""

    expects: str
    reserved: frozenset[str]

    def read(self, text: str) -> tuple[tuple[str, str], ...]:
        """Return the pairs; a value may hold anything but a semicolon."""
        pairs = []
        for part in filter(None, (part.strip() for part in text.split(";"))):
            name, given, value = part.partition("=")
            if not given or not re.fullmatch(r"[a-z0-9._]+", name) or name in self.reserved:
                raise ValueError(text)
            pairs.append((name, value))
        return tuple(pairs)


HOST: Final = Text("a host name or an IP address", r"[A-Za-z0-9_.:%-]{1,255}")
PORT: Final = Whole(1, 65535)
TOPIC: Final = Text("1 to 249 letters, digits, dots, underscores and hyphens", r"(?!\.\.?$)[A-Za-z0-9._-]{1,249}")
NAME: Final = Text("1 to 128 letters, digits, dots, underscores and hyphens", r"[A-Za-z0-9._-]{1,128}")
NAMES: Final = Several("host names with commas between them", Text("a host name", r"[A-Za-z0-9_.-]{1,253}"))
BROKER: Final = r"[A-Za-z0-9_.-]+:[0-9]{1,5}"
BROKERS: Final = Text("host:port, or several with commas between them", f"{BROKER}(,{BROKER})*")
ANYTHING: Final = Text("any text", r"[\s\S]+")
FILE: Final = Text("a file", r"[^\0]+")
CLIENT_OPTIONS: Final = Pairs(
    "name=value pairs of librdkafka with semicolons between them, without those that exactly-once rests on",
    frozenset(
        {
            "acks",
            "auto.offset.reset",
            "bootstrap.servers",
            "delivery.timeout.ms",
            "enable.auto.commit",
            "enable.auto.offset.store",
            "enable.idempotence",
            "enable.partition.eof",
            "group.id",
            "isolation.level",
            "message.max.bytes",
            "message.timeout.ms",
            "metadata.broker.list",
            "queue.buffering.max.messages",
            "request.required.acks",
            "transactional.id",
        }
    ),
)
