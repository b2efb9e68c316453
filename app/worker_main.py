"""``python3 -m app.worker_main``: one worker, with the virtual environment's Python where this one lacks the packages."""

import os
import sys
from pathlib import Path

VENV = Path(__file__).resolve().parents[1] / "venv"


def main() -> None:
    """Start a worker, as ``headrace worker`` does; exit code 1 and one line where the packages are not installed."""
    try:
        from headrace.cli import main as headrace  # noqa: PLC0415 - it may not be there
        from headrace.cli import worker  # noqa: F401, PLC0415 - nor what it needs
    except (ImportError, SyntaxError) as error:
        python = VENV / "bin" / "python"
        if python.exists() and Path(sys.prefix).resolve() != VENV.resolve():
            os.execv(str(python), [str(python), "-m", "app.worker_main", *sys.argv[1:]])  # noqa: S606 - ours, with our words
        print("headrace is not installed for this Python (%s): run `make venv` first" % error, file=sys.stderr)  # noqa: T201, UP031
        sys.exit(1)
    headrace(["worker", *sys.argv[1:]])


if __name__ == "__main__":
    main()
