"""All tests, a process a package, two at a time: what tests mostly do is wait for each other's processes.

``python -m tests`` runs every package, ``python -m tests log stream`` these alone; a module is ``log.test_kafka_log``. A
package's output is shown whole when it is through, and at the end how each went. Exits with 1 where a test failed; Ctrl-C
begins no further package.
"""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).parent
AT_ONCE: Final = 2
INTERRUPTED: Final = 130
FIRST: Final = ("faults", "console", "log", "spaces", "stream", "replay", "acceptance")
"""Those that take longest begin first, so that none is left over at the end."""

FAILURE: Final = re.compile(r"^(?:ERROR|FAIL): .*?(?=\n={70}|\n-{70}\nRan |\nStd(?:out|err):|\Z)", re.MULTILINE | re.DOTALL)
"""One failed test, up to what it printed."""


class Run(NamedTuple):
    """How the tests of a package went."""

    package: str
    seconds: float
    tests: int
    skipped: int
    good: bool
    output: str

    @property
    def failed(self) -> list[str]:
        """What failed, each as unittest tells it: whole reports are easily lost in what all packages print."""
        return FAILURE.findall(self.output)


def packages() -> list[str]:
    """Return the names of all packages and modules that have tests, in the order in which they begin."""
    found = {path.parent.name for path in HERE.glob("*/test_*.py")} | {path.stem for path in HERE.glob("test_*.py")}
    return [*FIRST, *sorted(found - set(FIRST))]


def tried(package: str) -> Run:
    """Run the tests of a package or module."""
    began = time.monotonic()
    if (HERE / package).is_dir():
        words = ["discover", "-s", f"tests/{package}", "-t", ".", "-v", "--buffer"]
    else:
        words = ["-v", "--buffer", f"tests.{package}"]
    done = subprocess.run(
        [sys.executable, "-m", "unittest", *words],
        cwd=HERE.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return read(package, time.monotonic() - began, done.returncode, done.stdout.decode(errors="replace"))


def read(package: str, seconds: float, code: int, output: str) -> Run:
    """Return how tests went by what their process said at its end; where none ran, it is good only if all were skipped."""
    said = re.findall(r"^Ran (\d+) tests? in .*\n\n(?:OK|FAILED|NO TESTS RAN)(?: \(.*?skipped=(\d+))?", output, re.MULTILINE)
    tests, skipped = map(int, (one or "0" for one in said[-1])) if said else (0, 0)
    return Run(package, seconds, tests, skipped, code == 0 and bool(tests or skipped), output)


def main() -> int:
    """Run what is named, or everything; tell how it went, and return what to exit with."""
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")  # brokers that live a minute are not worth optimising
    _say("compiling what is not compiled yet")
    subprocess.run([sys.executable, "-c", "from headrace.serving.warming import warm; warm()"], cwd=HERE.parent, check=True)
    runs: list[Run] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for done in as_completed([pool.submit(tried, package) for package in sys.argv[1:] or packages()]):
                run = done.result()
                runs.append(run)
                _say(f"\n##### {run.package}\n{run.output}")
        except KeyboardInterrupt:  # those that run have heard it too, and end
            pool.shutdown(cancel_futures=True)
            return INTERRUPTED
    for run in runs:
        for what in run.failed:
            _say(f"\n{run.package}: {what}")
    for run in sorted(runs):
        went = "ok    " if run.good else "FAILED"
        _say(f"{went} {run.package:16} {run.tests:5} tests, {run.skipped:3} skipped {run.seconds:7.1f} s")
    loud = [line for run in runs for line in re.findall(r"^=== .* ===$", run.output, re.MULTILINE)]
    on_broker = sum(int(number) for line in loud for number in re.findall(r"^=== (\d+) tests? ran on a real broker", line))
    for line in sorted(set(loud)):
        _say(line)
    bad = [run.package for run in runs if not run.good]
    tests, skipped = sum(run.tests for run in runs), sum(run.skipped for run in runs)
    _say(f"{tests} tests, {skipped} skipped, {on_broker} of them on a real broker; failed: {', '.join(bad) or 'none'}")
    return 1 if bad else 0


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
