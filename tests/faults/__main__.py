"""``python -m tests.faults``: try every fault at its stated size and end with the table; ``make faults`` calls it."""

import sys

from tests.faults.running import main

if __name__ == "__main__":
    sys.exit(main())
