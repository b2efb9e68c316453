"""The recipe that answers is changed again and again while people ask: nobody notices but by what they are shown."""

import http.client
import json
import os
import signal
import tempfile
import threading
import time
import unittest
from pathlib import Path

from headrace.serving import recipes
from tests.acceptance.town import Town

ASKERS = 4


class Asker(threading.Thread):
    """Somebody who asks without a pause on one connection, and remembers what came back."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__(name=name)
        self.answers: list[tuple[int, str]] = []
        self.trouble: BaseException | None = None
        self.enough = threading.Event()
        self._port = port

    def run(self) -> None:
        """Ask until told that it is enough; whatever goes wrong ends it and is kept."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
            while not self.enough.is_set():
                connection.request("GET", f"/reco?user_id={self.name}&session_id=s1&k=5")
                answer = connection.getresponse()
                body = json.loads(answer.read())
                self.answers.append((answer.status, body.get("model_version", "")))
            connection.close()
        except BaseException as error:  # noqa: BLE001 -- told by the test
            self.trouble = error


class ChangingRecipesUnderLoad(unittest.TestCase):
    """One town with a folder of recipes, and four people who never stop asking."""

    def test_no_request_fails_while_the_recipe_changes(self) -> None:
        """Default, revisits in its place, nonsense, rules-v1, default again: each good one answers, no request fails."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        town = Town(HEADRACE_SERVING_RECIPES=str(folder))
        self.addCleanup(town.close)
        for camper in ("bea", "cal"):
            town.act(camper, "tent")
            town.act(camper, "stove", "purchase")
        town.drained()
        askers = [Asker(town.port, f"asker-{number}") for number in range(ASKERS)]
        expected = [recipes.named("default").version]
        for asker in askers:
            asker.start()
        try:
            self.answered_by(askers, expected[0])
            for name in ("revisits", "rules-v1"):
                self.put(folder, recipes.text_of(name))
                expected.append(recipes.read("default", recipes.text_of(name)).version)
                self.answered_by(askers, expected[-1])
                self.put(folder, "[[sources]]\npart = 'nonsense'\n")
                time.sleep(1.5)
                self.answered_by(askers, expected[-1])
            (folder / "default.toml").unlink()
            self.answered_by(askers, expected[0])
        finally:
            for asker in askers:
                asker.enough.set()
            for asker in askers:
                asker.join(20)
        for asker in askers:
            self.assertIsNone(asker.trouble)
            self.assertEqual({status for status, _ in asker.answers}, {200})
            turns = [version for at, (_, version) in enumerate(asker.answers) if not at or asker.answers[at - 1][1] != version]
            self.assertEqual(turns, [*expected, expected[0]])
        self.assertGreater(sum(len(asker.answers) for asker in askers), 500)

    def test_the_chosen_recipe_answers_in_every_process_and_after_a_restart(self) -> None:
        """Chosen while people ask: no request fails, the next process begins with it, and the way back is one command."""
        town = Town()
        self.addCleanup(town.close)
        town.act("bea", "tent")
        town.drained()
        revisits, default = recipes.named("revisits").version, recipes.named("default").version
        asker = Asker(town.port, "asker")
        asker.start()
        try:
            self.answered_by([asker], default)
            told = town.headrace("recipes", "default", "revisits")
            self.assertIn(f"{revisits} answers: it was chosen", told.stdout, told.stderr)
            self.answered_by([asker], revisits)
        finally:
            asker.enough.set()
            asker.join(20)
        self.assertIsNone(asker.trouble)
        self.assertEqual({status for status, _ in asker.answers}, {200})
        api = town.child("api")
        assert api is not None
        os.kill(api, signal.SIGKILL)
        town.until(lambda: town.child("api") not in {None, api} and town._ready(), "another API process answers")
        self.assertEqual(town.get("/reco", user_id="bea", session_id="s1")["model_version"], revisits)
        self.assertIn("did you mean 'revisits'", town.headrace("recipes", "default", "revisit").stderr)
        self.assertIn(f"{default} answers: HEADRACE_SERVING_RECIPE", town.headrace("recipes", "default", "--unset").stdout)
        town.until(
            lambda: town.get("/reco", user_id="bea", session_id="s1")["model_version"] == default, "the setting says which"
        )

    def put(self, folder: Path, text: str) -> None:
        """Put a recipe in the default's place, whole."""
        aside = folder / "default.new"
        aside.write_text(text)
        aside.replace(folder / "default.toml")

    def answered_by(self, askers: list[Asker], version: str) -> None:
        """Wait until everybody's newest answer was made by this version."""
        deadline = time.monotonic() + 20
        while any(asker.trouble is None and asker.answers[-1:] != [(200, version)] for asker in askers):
            self.assertLess(time.monotonic(), deadline, f"not answered by {version} in time")
            time.sleep(0.02)


if __name__ == "__main__":
    unittest.main()
