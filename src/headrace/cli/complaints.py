"""What the user or the operator can mend, each told in one line; everything else is our bug and keeps its traceback."""

from collections.abc import Iterator
from typing import Final

from headrace.config import ConfigurationError
from headrace.embedded.errors import EmbeddedKafkaError, EmbeddedPostgresError
from headrace.errors import Unavailable
from headrace.log.port import PartitionsDiffer
from headrace.serving.recipes import RecipeError
from headrace.store.bindings import LogDiffers
from headrace.wiring.removing import NotDropped
from headrace.wiring.replays import Refused
from headrace.wiring.switching import NotMoved


class Complaint(Exception):
    """Something outside is not as it must be; the message is one line that says what to do."""


COMPLAINTS: Final = (
    Complaint,
    ConfigurationError,
    EmbeddedKafkaError,
    EmbeddedPostgresError,
    LogDiffers,
    NotDropped,
    NotMoved,
    PartitionsDiffer,
    RecipeError,
    Refused,
    Unavailable,
)


def told(error: BaseException) -> Iterator[str]:
    """Yield the lines to tell the user: one, or for settings one for each bad setting."""
    if isinstance(error, ConfigurationError):
        for line in str(error).splitlines():
            yield f"headrace: {line}"
        return
    hint = "; is DATABASE_URL right?" if isinstance(error, Unavailable) and error.what == "postgres" else ""
    yield f"headrace: {' '.join(str(error).split())}{hint}"
