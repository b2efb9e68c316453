"""What is made ready before the first request."""

import subprocess
import sys
import unittest

WAITING = """
import sys
from headrace.serving import warming
warming.warm()
rooms = ("headrace.kernels.arranging", "headrace.kernels.lists", "headrace.kernels.shortly", "headrace.retrieval.voices")
print(*(name for room in rooms for name, loop in vars(sys.modules[room]).items() if hasattr(loop, "__waiting__")))
"""


class Warming(unittest.TestCase):
    """A process of its own, in which nothing was called before."""

    def test_no_loop_that_answers_are_made_with_waits_for_its_first_call(self) -> None:
        """With rules, without, filled up and not: no request has to wait for a compiler."""
        done = subprocess.run((sys.executable, "-c", WAITING), check=True, capture_output=True, text=True)
        self.assertEqual(done.stdout.split(), [])


if __name__ == "__main__":
    unittest.main()
