"""The pages of recipes while a file of theirs is slow to come: nobody else waits for it."""

import os
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from headrace.serving import recipes
from tests.api.world import World
from tests.console.world import RunningConsole


class ASlowFile(unittest.TestCase):
    """A recipe whose file is a pipe: whoever reads it waits until it is written."""

    def setUp(self) -> None:
        """Start the console over a folder with such a file."""
        folder = Path(self.enterContext(TemporaryDirectory()))
        self.file = folder / "slow.toml"
        os.mkfifo(self.file)
        self.console = self.enterContext(RunningConsole(World(), folder=folder))
        self.asking = self.enterContext(ThreadPoolExecutor(1))

    def test_the_process_answers_others_meanwhile(self) -> None:
        """The list of recipes, and the recipe's own page."""
        for path, told in (("/console/recipes", 'href="/console/recipes/of/slow"'), ("/console/recipes/of/slow", "<h1")):
            with self.subTest(path):
                page = self.asking.submit(self.console.ask, "GET", path)
                with self.file.open("w", encoding="utf-8") as written:  # opened as soon as somebody reads
                    self.assertEqual(self.console.ask("GET", "/healthz").status, 200)
                    self.assertFalse(page.done())
                    written.write(recipes.text_of("trending"))
                answer = page.result()
                self.assertEqual(answer.status, 200)
                self.assertIn(told, answer.body.decode())
