"""Whether a candidate would make some window too full: counted step by step, it is what a count of every window says."""

import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.arranging import breaks
from tests.support.properties import examples

VALUES = st.sets(st.integers(0, 2), max_size=2)


class Windows(unittest.TestCase):
    """One cap over a list with holes in it."""

    @examples(300)
    @given(
        st.lists(st.none() | VALUES, min_size=1, max_size=9), VALUES, st.integers(0, 8), st.integers(1, 3), st.integers(1, 6)
    )
    def test_it_is_what_counting_every_window_says(
        self, stand: list[set[int] | None], mine: set[int], at: int, most: int, more: int
    ) -> None:
        """Pins may stand behind the place."""
        place, within = at % len(stand), most + more
        stand[place] = None
        lists = [*(one or set() for one in stand), mine]
        begins = np.cumsum([0, *map(len, lists)])[None, :].astype(np.int64)
        values = np.array([value for one in lists for value in one], np.int64)
        chosen = np.array([-1 if one is None else rank for rank, one in enumerate(stand)], np.int64)
        last = max([place, *np.flatnonzero(chosen >= 0).tolist()])
        held = [mine if other == place else one or set() for other, one in enumerate(stand)]
        full = any(
            sum(value in one for one in held[start : start + within]) > most
            for value in mine
            for start in range(max(0, place - within + 1), place + 1)
        )
        found = breaks(0, len(stand), place, last, most, within, begins, values, chosen)
        self.assertEqual(bool(found), full)


if __name__ == "__main__":
    unittest.main()
