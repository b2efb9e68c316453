"""What tests of the benchmarks need beside our own packages."""

import shutil
import sys
import unittest
from typing import Final

from benchmarks.wrk import MISSING

THERE: Final = shutil.which("wrk") is not None
needs_wrk = unittest.skipUnless(THERE, MISSING)
"""Skips a test where there is no load generator; one loud line says how to get it."""

if not THERE:
    sys.stderr.write(f"\n=== {MISSING} ===\n")
