"""The commands and their page."""

import re
import unittest
from typing import Final

import typer

from headrace.cli import COMMANDS, build
from tests.architecture.sources import ROOT

PAGE: Final = ROOT / "docs/reference/cli.md"
OF_NO_SPACE: Final = {"run", "api", "migrate", "kafka", "spaces"}
"""Commands for all spaces, or for none."""

SECTION: Final = re.compile(r"^## `headrace ([a-z-]+)`\n+(.+?)$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


class TheCommandsPage(unittest.TestCase):
    """docs/reference/cli.md says what the command line takes."""

    def test_every_command_has_its_section_with_the_sentence_of_the_help(self) -> None:
        """The sections are the commands, each beginning with what its help says, and there is no other."""
        sections = {name: sentence for name, sentence, _ in SECTION.findall(PAGE.read_text(encoding="utf-8"))}
        self.assertEqual(sections, {name: sentence for name, (_, _, sentence) in COMMANDS.items()})

    def test_every_option_stands_in_the_section_of_its_command(self) -> None:
        """Options that a user may give are named where their command is explained, and no others are."""
        for name, _, text in SECTION.findall(PAGE.read_text(encoding="utf-8")):
            with self.subTest(name):
                command = typer.main.get_command(build([name])).commands[name]  # type: ignore[attr-defined]
                parts = getattr(command, "commands", {}).values() or [command]
                given = {
                    word
                    for one in [one for part in parts for one in part.params]
                    if one.param_type_name == "option" and not one.hidden
                    for word in (*one.opts, *one.secondary_opts)
                }
                self.assertEqual(set(re.findall(r"^\| `(--[a-z-]+)", text, re.MULTILINE)) | _paired(text), given)

    def test_every_command_that_touches_data_takes_a_space(self) -> None:
        """Each of its parts does, or none where it is for all spaces: an operator can do to one what can be done to any."""
        for name in COMMANDS:
            command = typer.main.get_command(build([name])).commands[name]  # type: ignore[attr-defined]
            for part in getattr(command, "commands", {}).values() or [command]:
                options = {word for one in part.params for word in one.opts}
                with self.subTest(f"{name} {part.name}"):
                    self.assertEqual("--space" in options, name not in OF_NO_SPACE)


def _paired(text: str) -> set[str]:
    """Return the second names of options that can be turned round: ``--wait``, ``--no-wait``."""
    return set(re.findall(r"^\| `--[a-z-]+`, `(--no-[a-z-]+)`", text, re.MULTILINE))
