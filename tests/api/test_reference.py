"""The page docs/reference/http.md and the program say the same."""

import json
import re
import unittest
from pathlib import Path

import msgspec

from headrace.api import problem
from headrace.api.answers import BatchAnswer
from headrace.api.openapi import document
from headrace.api.operations import OPERATIONS, Operation
from headrace.events.contract import Limits

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "http.md"
ANYWHERE = {408, 413, 500}


def sections() -> dict[str, str]:
    """Return the text below each heading of the page."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def fields(struct: type[msgspec.Struct]) -> set[str]:
    """Return the names of a struct's fields."""
    return {field.encode_name for field in msgspec.structs.fields(struct)}


def rows(text: str) -> set[str]:
    """Return the names that stand in the first column of the tables."""
    return set(re.findall(r"^\| `([a-z_]+)` \|", text, flags=re.MULTILINE))


class TestReference(unittest.TestCase):
    """Both sides, route by route."""

    def each(self) -> list[tuple[Operation, str]]:
        """Return every operation with its section."""
        page = sections()
        return [(one, page[f"{one.method} {one.path}"]) for one in OPERATIONS]

    def test_every_route_has_a_section_and_every_section_a_route(self) -> None:
        """In the same order as in the program."""
        listed = [name for name in sections() if re.match(r"[A-Z]+ /", name)]
        self.assertEqual(listed, [f"{one.method} {one.path}" for one in OPERATIONS])

    def test_every_field_and_parameter_is_documented(self) -> None:
        """No more and no fewer rows than there are names."""
        for operation, text in self.each():
            with self.subTest(f"{operation.method} {operation.path}"):
                wanted = set(operation.parameters)
                if operation.body is not None:
                    wanted |= fields(operation.body)
                alone = {"event_type"} if operation.path in ("/log/impression", "/log/watch") else set()
                self.assertEqual(rows(text), wanted | alone)
                for name, parameter in operation.parameters.items():
                    if isinstance(parameter.default, int) and not isinstance(parameter.default, bool):
                        self.assertIn(f"| `{name}` | {parameter.default} |", text)

    def test_every_answered_field_is_named(self) -> None:
        """The names at the top of each answer."""
        for operation, text in self.each():
            if operation.answer is not None:
                for name in fields(operation.answer):
                    self.assertIn(name, text, operation.path)

    def test_every_status_is_documented(self) -> None:
        """Those of the route with it, those of any route in one table."""
        page = sections()
        for operation, text in self.each():
            found = re.search(r"Statuses: ([\d, ]+)\.", text)
            assert found is not None
            self.assertEqual({int(one) for one in found[1].split(",")}, set(operation.statuses) - ANYWHERE, operation.path)
        self.assertEqual({int(one) for one in re.findall(r"^\| (\d+) \|", page["Refusals"], re.MULTILINE)}, set(problem.SLUGS))
        for slug in problem.SLUGS.values():
            self.assertIn(f"`{slug}`", page["Refusals"])

    def test_every_example_is_what_the_program_takes_or_answers(self) -> None:
        """Each block of JSON fits one of the route's structs."""
        for operation, text in self.each():
            kinds: list[type[msgspec.Struct]] = [kind for kind in (operation.body, operation.answer) if kind is not None]
            for block in re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL):
                with self.subTest(operation.path, block=block[:60]):
                    self.assertTrue(any(self.fits(json.loads(block), kind) for kind in kinds))
        shape = re.findall(r"```json\n(.*?)```", sections()["Refusals"], flags=re.DOTALL)
        self.assertTrue(self.fits(json.loads(shape[0]), problem.Problem))
        self.assertIn("results", fields(BatchAnswer))

    def test_the_openapi_page_documents_the_same_statuses(self) -> None:
        """Third side of the same table."""
        paths = document(Limits())["paths"]
        for operation in OPERATIONS:
            told = {int(status) for status in paths[operation.path][operation.method.lower()]["responses"]}
            self.assertEqual(told, set(operation.statuses))

    def fits(self, content: dict[str, object], kind: type[msgspec.Struct]) -> bool:
        """Return whether the content is one of its kind."""
        try:
            msgspec.convert(content, kind)
        except msgspec.ValidationError:
            return False
        return set(content) <= fields(kind)


if __name__ == "__main__":
    unittest.main()
