"""What ``headrace evaluate`` was asked for: its options, read before the work and complained of in one line."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headrace import config
from headrace.cli.complaints import Complaint
from headrace.evaluation import protocol
from headrace.evaluation.protocol import Step
from headrace.features.settings import FeatureSettings
from headrace.importer.mapping import pairs
from headrace.pipeline import Recipe
from headrace.serving import recipes


def recipe(name: str, folder: Path | None) -> Recipe:
    """Return the recipe of this name, the operator's folder first, or the one in a file whose name ends in ``.toml``."""
    path = Path(name)
    if path.suffix != ".toml":
        return recipes.named(name, folder)
    try:
        return recipes.read(path.stem, path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Complaint(f"--recipe {name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Complaint(f"--recipe {name}: is no text in UTF-8") from None


def features(settings: FeatureSettings, given: list[str]) -> FeatureSettings:
    """Return the settings with those changed that ``NAME=VALUE`` names, within the bounds that production holds them in."""
    kinds = {field: one.kind for one in config.SETTINGS for room, _, field in [one.field.partition(".")] if room == "features"}
    changes: dict[str, Any] = {}
    for name, value in pairs("--feature", given, allowed_left=kinds).items():
        try:
            changes[name] = kinds[name].read(value)
        except ValueError:
            raise Complaint(f"--feature {name}={value}: expected {kinds[name].expects}") from None
    return replace(settings, **changes)


def split(given: str, steps: list[Step]) -> int:
    """Return the first moment of the test window: behind the first step, and not behind the last."""
    if not steps:
        raise Complaint("there is nothing to play: no row is an event that can be read")
    try:
        moment = _moment(given, steps)
    except (ValueError, OverflowError):
        raise Complaint(
            f"--split {given}: write 24h, a share such as 0.88, a time, or a file that holds one of these"
        ) from None
    first, last = steps[0].act.ts_ms, steps[-1].act.ts_ms
    if not first < moment <= last:
        raise Complaint(f"--split {given}: leaves nothing on one side; the events are from {_told(first)} to {_told(last)}")
    return moment


def sessions(path: Path, names: list[str]) -> list[str]:
    """Return the names of sessions that a file holds, one a line, of which at least one is among ``names``."""
    try:
        asked = path.read_text(encoding="utf-8").split()
    except OSError as error:
        raise Complaint(f"--sample {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Complaint(f"--sample {path}: is no text in UTF-8") from None
    if not set(names).intersection(asked):
        raise Complaint(f"--sample {path}: none of its {len(asked):,} names is a session of the data")
    return asked


def writable(option: str, path: Path | None) -> None:
    """Complain now, not behind minutes of work, where a file cannot be written."""
    if path is None:
        return
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise Complaint(f"{option} {path}: {error.strerror}") from None


def _moment(given: str, steps: list[Step]) -> int:
    text = given
    if (path := Path(given)).is_file():
        text = path.read_text(encoding="utf-8").strip()
    if text.endswith("h"):
        return protocol.before_last(steps, float(text[:-1]))
    if text.replace(".", "", 1).isdigit():
        value = float(text)
        return protocol.at_quantile(steps, value) if value < 1 else int(value if value >= 1e11 else value * 1000)
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _told(ts_ms: int) -> str:
    return datetime.fromtimestamp(ts_ms / 1000, UTC).isoformat(timespec="seconds")
