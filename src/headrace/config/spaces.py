"""The file of spaces: which there are beside the default one, and what each of them has set for itself.

A section is a space, its keys are settings by their own names. What concerns a process as a whole (addresses, database,
brokers, names of topics, logs) is the environment's alone.
"""

import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from headrace.config.declared import SETTINGS, Setting
from headrace.config.kinds import Folder
from headrace.store.sql import DEFAULT_SPACE

DEFAULT: Final = "default"
"""What the default space is called where it must be named after all."""

NAMED: Final = "1 to 31 small letters, digits and _, a letter first; not `default`, and not ending as generations do (`_g1`)"
LONGEST_TOPIC: Final = 249

_NAME: Final = re.compile(r"(?!default$)(?!(?:.*_)?g[0-9]+$)[a-z][a-z0-9_]{0,30}")
_OF_THE_PROCESS: Final = (
    *("api.", "broker.", "database.", "kafka.", "spaces.", "telemetry."),
    *("home", "log.kafka_bootstrap", "log.topic_", "stream.niceness"),
)

Own = dict[str, object]
"""What a space has set for itself: values by the field they fill (``room.field``)."""


@dataclass(frozen=True, slots=True)
class SpacesSettings:
    """The spaces beside the default one."""

    file: Path | None = None
    """The file that declares them; None: there are none."""


def is_name(text: str) -> bool:
    """Return whether a space may be called so: then schemas and topics may be too, and no other space's are."""
    return _NAME.fullmatch(text) is not None


def schema_of(space: str) -> str:
    """Return the Postgres schema of a space; those of its generations are called after it."""
    return DEFAULT_SPACE if space == DEFAULT else f"{DEFAULT_SPACE}_{space}"


def space_of(schema: str) -> str | None:
    """Return the space that a schema is called after; None where no space is called so."""
    name = DEFAULT if schema == DEFAULT_SPACE else schema.removeprefix(f"{DEFAULT_SPACE}_")
    return name if name == DEFAULT or (name != schema and is_name(name)) else None


def settable() -> dict[str, Setting]:
    """Return the settings that a space may have for itself, by name."""
    return {one.name: one for one in SETTINGS if not one.field.startswith(_OF_THE_PROCESS)}


def declared(file: Path) -> tuple[dict[str, Own], list[str]]:
    """Return what each space of the file has set for itself, and a line for everything that is wrong in the file."""
    try:
        sections = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        return {}, [f"HEADRACE_SPACES={str(file)!r}: it cannot be read: {error.strerror}"]
    except ValueError as error:  # no UTF-8, or no TOML
        return {}, [f"HEADRACE_SPACES={str(file)!r}: it is no TOML: {error}"]
    spaces: dict[str, Own] = {}
    errors: list[str] = []
    for name, section in sections.items():
        if not is_name(name):
            errors.append(f"{file}: a space cannot be called {name!r}: expected {NAMED}")
        elif not isinstance(section, dict):
            errors.append(f"{file}: {name} is no section: expected [{name}], with its settings below")
        else:
            spaces[name] = _own(section, f"{file}: [{name}]", file.parent, errors)
    return spaces, errors


def _own(section: dict[str, object], where: str, folder: Path, errors: list[str]) -> Own:
    known = settable()
    own: Own = {}
    for name, value in section.items():
        setting = known.get(name)
        if setting is None:
            near = get_close_matches(name, known, n=1)
            mend = "it is set for all spaces, in the environment" if _is_a_setting(name) else "there is no such setting"
            errors.append(f"{where} {name}: {mend}{f'; did you mean {near[0]}?' if near and not _is_a_setting(name) else ''}")
            continue
        try:
            own[setting.field] = _read(setting, value, folder)
        except ValueError:
            errors.append(f"{where} {name}={value!r}: expected {setting.kind.expects}")
    return own


def _is_a_setting(name: str) -> bool:
    return any(one.name == name for one in SETTINGS)


def _read(setting: Setting, value: object, folder: Path) -> object:
    if isinstance(value, bool):
        value = str(value).lower()
    elif not isinstance(value, str | int | float):
        raise ValueError(value)  # noqa: TRY004 - as every text that a setting cannot be
    if isinstance(setting.kind, Folder) and isinstance(value, str) and not value.startswith("~"):
        value = str(folder / value)  # beside the file, wherever the process was started
    return setting.kind.read(str(value))
