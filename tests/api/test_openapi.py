"""The OpenAPI page is true: it lists what is served, and a generator of requests finds no answer that it does not tell."""

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from starlette.routing import Route

from headrace.api import answers, services
from headrace.api.application import Application
from headrace.api.openapi import document
from headrace.api.operations import OPERATIONS
from headrace.events.contract import Limits
from tests.api.world import RunningServer, World

PAGES_OF_THE_DOCUMENTATION = {"/", "/docs", "/docs/{name}", "/openapi.json"}
FUZZ_SECONDS = 30
INTAKE = "^/(event|log/.*)$"


def timed(schema: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """Return the document with times that the door takes now, and spaces that are: what no static schema can say."""
    span = {"type": "integer", "minimum": now_ms - 86_400_000, "maximum": now_ms}
    for struct in schema["components"]["schemas"].values():
        for name in ("ts", "ts_ms"):
            if name in struct.get("properties", {}):
                struct["properties"][name] = span
    schema["components"]["parameters"]["Space"].update(schema={"enum": ["default"]}, example="default")
    return schema


class TestOpenApi(unittest.TestCase):
    """The document and the routes."""

    def test_it_lists_exactly_the_routes_that_are_served(self) -> None:
        """Hot ones and the framework's, each method of each path."""
        application = Application(World().services())
        pages = [route for route in application.pages.routes if isinstance(route, Route)]
        served = {
            (method, route.path.replace(":text}", "}")) for route in pages for method in route.methods or () if method != "HEAD"
        }
        served = {one for one in served if one[1] not in PAGES_OF_THE_DOCUMENTATION} | set(application.hot_routes)
        listed = {(method.upper(), path) for path, item in document(Limits())["paths"].items() for method in item}
        self.assertEqual(listed, served)

    def test_it_holds_the_limits_in_force(self) -> None:
        """A setting is a number in the schema."""
        schemas = document(Limits(max_batch=7))["components"]["schemas"]
        self.assertEqual(schemas["BatchIn"]["properties"]["events"]["maxItems"], 7)
        self.assertEqual(schemas["ImpressionIn"]["properties"]["items"]["maxItems"], 500)
        self.assertIn("event_type", schemas["WatchIn"]["required"])
        self.assertNotIn("event_type", schemas["WatchAlone"]["required"])

    def test_every_example_is_what_the_route_takes_and_answers(self) -> None:
        """Examples are decoded by the structs they are examples of."""
        for operation in OPERATIONS:
            with self.subTest(operation.path, method=operation.method):
                if operation.body is not None:
                    msgspec.convert(operation.example, operation.body)
                if operation.answer is not None and operation.reply is not None:
                    msgspec.convert(operation.reply, operation.answer)
        self.assertIn(services.WorkerFigures, {one.answer for one in OPERATIONS})
        self.assertIn(answers.Health, {one.answer for one in OPERATIONS})

    def test_a_generator_of_requests_finds_no_answer_that_is_not_told(self) -> None:
        """Schemathesis against the real server: no 5xx, no undocumented status, no answer against its schema."""
        world = World()
        with RunningServer(world) as running:
            schema = timed(running.ask("GET", "/openapi.json").json(), time.time_ns() // 1_000_000)
            # A good event may still be a conflict, or hold an item twice: rules that no schema can say.
            unsaid = ["positive_data_acceptance"]
            # Event by event, a batch with bad events is answered with their verdicts, so that is tried apart.
            batch = schema["paths"]["/log/batch"]["post"]
            self.fuzz(running, schema, [*unsaid, "negative_data_rejection"], 5, "--include-path", "/log/batch")
            del batch["parameters"]
            # So that each has its time: the others alone take all that there is.
            self.fuzz(running, schema, unsaid, FUZZ_SECONDS, "--include-path-regex", INTAKE)
            self.fuzz(running, schema, unsaid, FUZZ_SECONDS // 2, "--exclude-path-regex", INTAKE)
        taken = Counter(type(event).__name__ for event in world.events.values())
        self.assertTrue(all(taken[name] > 0 for name in ("Interaction", "Watch", "Impression")), taken)
        self.assertGreater(len(world.recorded), 0)

    def fuzz(self, running: RunningServer, schema: dict[str, Any], unsaid: list[str], seconds: int, *options: str) -> None:
        """Run the generator for some seconds; it must find nothing."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "openapi.json")
            path.write_text(json.dumps(schema))
            run = subprocess.run(
                [
                    *(sys.executable, "-m", "schemathesis.cli", "run", str(path), "--url", running.base_url),
                    *("--phases", "examples,coverage,fuzzing", "--checks", "all", "--max-time", str(seconds)),
                    *("--exclude-checks", ",".join(unsaid), "--no-color", "--seed", "1", *options),
                ],
                cwd=folder,
                env={**os.environ, "NO_COLOR": "1"},
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
        self.assertEqual(run.returncode, 0, run.stdout[-6000:] + run.stderr[-2000:])


if __name__ == "__main__":
    unittest.main()
