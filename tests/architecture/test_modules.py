"""What every module keeps to."""

import ast
import unittest
from typing import Final

from tests.architecture.sources import PROGRAM, ROOT, files, functions, parsed, told

LONGEST: Final = 600
MEANS_EVERYTHING: Final = frozenset({"utils", "util", "helpers", "helper", "manager", "base", "common", "core", "misc"})
# The outermost loops of a process, of a space in it, of a work that the console began, and of requests that share a call (whose
# answers log it): the only places where a bug of ours is caught. It is logged with its traceback there.
OUTERMOST: Final = frozenset(
    {
        "src/headrace/api/application.py",
        "src/headrace/api/together.py",
        "src/headrace/log/kafka/reading.py",
        "src/headrace/wiring/spaces.py",
        "src/headrace/wiring/works.py",
        "src/headrace/worker.py",
    }
)


class EveryModule(unittest.TestCase):
    """The house style that a program can check."""

    def test_no_module_is_named_for_everything(self) -> None:
        """A module is named for a thing of the domain, not for a drawer."""
        bad = [
            told(path) for path in files("src", "app", "tests") if {path.stem, *path.relative_to(ROOT).parts} & MEANS_EVERYTHING
        ]
        self.assertEqual(bad, [])

    def test_no_module_is_too_long_to_read(self) -> None:
        """No module has more than 600 lines."""
        lengths = {told(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files("src", "app", "tests")}
        self.assertEqual({path: length for path, length in lengths.items() if length > LONGEST}, {})

    def test_bugs_are_caught_in_the_outermost_loops_alone(self) -> None:
        """``except Exception`` and bare ``except`` stand nowhere else."""
        bad = [
            f"{told(path)}:{node.lineno}"
            for path in files(*PROGRAM)
            if told(path) not in OUTERMOST
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.ExceptHandler) and _catches_everything(node)
        ]
        self.assertEqual(bad, [])

    def test_every_module_says_what_it_is(self) -> None:
        """Every module of the program begins with a docstring, unless it is empty."""
        bad = [told(path) for path in files(*PROGRAM) if parsed(path).body and ast.get_docstring(parsed(path)) is None]
        self.assertEqual(bad, [])


class EveryTest(unittest.TestCase):
    """Tests are sentences."""

    def test_every_test_says_in_a_sentence_what_it_holds(self) -> None:
        """A test's docstring begins with a line that ends in a full stop; what needs more room may follow."""
        bad = [
            f"{told(path)}:{function.lineno} {function.name}"
            for path in files("tests")
            for function in functions(parsed(path))
            if function.name.startswith("test_") and not _is_a_sentence(ast.get_docstring(function))
        ]
        self.assertEqual(bad, [])

    def test_no_folder_of_tests_hides_a_package(self) -> None:
        """``discover -s tests`` puts the folder of tests first on the path: a namesake there would be imported instead."""
        packages = {path.parent.name for path in (*ROOT.glob("*/__init__.py"), *ROOT.glob("src/*/__init__.py"))}
        self.assertEqual({path.parent.name for path in ROOT.glob("tests/*/__init__.py")} & packages, set())

    def test_every_folder_of_tests_is_found(self) -> None:
        """Discovery skips a folder without ``__init__.py``, so there is none."""
        folders = {path.parent for path in files("tests")}
        self.assertEqual([told(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()], [])


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    everything = any(isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"} for name in names)
    return everything and not _raises_again(handler)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    """Return whether the handler lets the exception go on: it only cleans up, or hands the news to others as well."""
    return any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler))


def _is_a_sentence(text: str | None) -> bool:
    return text is not None and text.splitlines()[0].endswith(".")
