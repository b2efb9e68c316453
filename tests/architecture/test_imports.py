"""The order of the rooms."""

import ast
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Final

from tests.architecture.sources import ROOT, files, parsed, told

INNER: Final = ("events", "features", "kernels", "pipeline", "ranking", "reasons", "retrieval", "serving", "snapshot", "stream")


class TheOrderOfTheRooms(unittest.TestCase):
    """Imports go one way through the house; the contracts stand in pyproject.toml."""

    def test_every_import_contract_holds(self) -> None:
        """lint-imports finds no broken contract."""
        program = Path(sys.executable).with_name("lint-imports")
        done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_nothing_in_the_inner_rooms_is_called_space(self) -> None:
        """They work on one catalogue, whichever: that there are several is known where the parts are picked, and outside."""
        for path in files(*(f"src/headrace/{room}" for room in INNER)):
            names = {
                name
                for node in ast.walk(parsed(path))
                for name in (getattr(node, "id", None), getattr(node, "arg", None), getattr(node, "attr", None))
                if isinstance(name, str)
            }
            with self.subTest(told(path)):
                self.assertEqual({name for name in names if "space" in name.lower().split("_")}, set())
