"""The settings and their page."""

import unittest
from dataclasses import fields

from headrace import config
from headrace.config.reading import ROOMS, told_default
from tests.architecture.sources import ROOT

PAGE = ROOT / "docs/reference/settings.md"


class TheSettingsPage(unittest.TestCase):
    """docs/reference/settings.md says what the program does."""

    def test_it_has_exactly_the_declared_settings(self) -> None:
        """Each setting has its row, with its default, values, unit and sentence, and there is no other row."""
        rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
        self.assertEqual(sorted(rows), sorted(_row(setting) for setting in config.SETTINGS))

    def test_every_field_of_every_room_is_a_setting(self) -> None:
        """No setting can be changed in the code alone."""
        declared = {setting.field for setting in config.SETTINGS}
        existing = {f"{room}.{field.name}" for room, kind in ROOMS.items() for field in fields(kind)} | {"home"}
        self.assertEqual(declared, existing)

    def test_no_name_stands_twice(self) -> None:
        """One variable fills one field."""
        names = [setting.name for setting in config.SETTINGS]
        self.assertEqual(len(names), len(set(names)))


def _row(setting: config.Setting) -> str:
    default = told_default(setting)
    if setting.default is None and default != "unset":
        default = f"`{default}`"
    return f"| `{setting.name}` | {default} | {setting.kind.expects} | {setting.unit} | {setting.sentence} |"
