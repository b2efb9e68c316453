"""``python -m tests`` tells what became of a package's tests, however they end."""

import unittest

from tests.__main__ import read


class Reading(unittest.TestCase):
    """What a process of tests said, and what it exited with."""

    def test_tests_that_passed_are_counted(self) -> None:
        """A package is good whose tests all ran, and how many did and were skipped is told."""
        run = read("log", 1.0, 0, "Ran 12 tests in 3.1s\n\nOK (skipped=2)\n")
        self.assertEqual((run.good, run.tests, run.skipped), (True, 12, 2))

    def test_a_package_whose_tests_are_all_skipped_is_not_one_that_failed(self) -> None:
        """Where a whole package needs what is not there, that is told and holds up nobody."""
        run = read("console", 1.0, 0, "Ran 0 tests in 0.000s\n\nOK (skipped=3)\n")
        self.assertEqual((run.good, run.tests, run.skipped), (True, 0, 3))

    def test_a_process_that_died_before_it_counted_has_failed(self) -> None:
        """Neither a crash nor a folder without tests passes for tests that passed."""
        self.assertFalse(read("log", 1.0, -11, "Segmentation fault\n").good)
        self.assertFalse(read("support", 1.0, 0, "Ran 0 tests in 0.000s\n\nOK\n").good)

    def test_a_process_that_fails_behind_its_tests_has_failed(self) -> None:
        """What a test leaves behind may break at the end."""
        self.assertFalse(read("log", 1.0, 1, "Ran 12 tests in 3.1s\n\nOK\n").good)

    def test_what_a_test_prints_is_not_taken_for_the_count(self) -> None:
        """The last count is the package's own."""
        self.assertEqual(read("log", 1.0, 1, "Ran 1 test in 0.1s\n\nRan 12 tests in 3.1s\n\nFAILED (failures=1)\n").tests, 12)

    def test_what_failed_is_told_once_more_by_itself(self) -> None:
        """Each with its traceback, without all that it printed."""
        lines, rule = "=" * 70, "-" * 70
        reports = (
            f"{lines}\nFAIL: test_a (tests.log) [kills]\n{rule}\nTraceback\nAssertionError: 1 != 2\n\nStdout:\nmuch\n\n",
            f"{lines}\nERROR: test_b (tests.log)\n{rule}\nTraceback\nValueError\n\n",
            f"{rule}\nRan 2 tests in 0.1s\n\nFAILED (failures=1, errors=1)\n",
        )
        first, second = read("log", 1.0, 1, "".join(reports)).failed
        self.assertTrue(first.startswith("FAIL: test_a") and first.rstrip().endswith("1 != 2"), first)
        self.assertTrue(second.startswith("ERROR: test_b") and second.rstrip().endswith("ValueError"), second)
