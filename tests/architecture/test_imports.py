"""The order of the rooms."""

import subprocess
import sys
import unittest
from pathlib import Path

from tests.architecture.sources import ROOT


class TheOrderOfTheRooms(unittest.TestCase):
    """Imports go one way through the house; the contracts stand in pyproject.toml."""

    def test_every_import_contract_holds(self) -> None:
        """lint-imports finds no broken contract."""
        program = Path(sys.executable).with_name("lint-imports")
        done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
