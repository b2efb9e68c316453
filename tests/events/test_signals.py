"""How strong a sign of liking each event is."""

import unittest

from headrace.events import signals
from headrace.events.types import Action, Interaction, Watch


def watched(seconds: float, percent: float | None = None) -> int:
    """Return the weight of a watch."""
    return signals.weight(
        Watch(
            event_id="watch-01",
            user_id="ada",
            session_id="s1",
            request_id="r1",
            ts_ms=1,
            item_id="film",
            watch_time_sec=seconds,
            percent_watched=percent,
        )
    )


class Weights(unittest.TestCase):
    """The one weight table."""

    def test_a_view_counts_one_a_click_three_a_purchase_ten(self) -> None:
        """The actions weigh what the contract says."""
        table: dict[Action, int] = {"view": 1, "click": 3, "purchase": 10}
        for action, weight in table.items():
            event = Interaction(event_id="event-01", user_id="ada", item_id="tent", event_type=action, ts_ms=1)
            self.assertEqual(signals.weight(event), weight)

    def test_a_watch_is_strong_from_eighty_percent_or_two_minutes_on(self) -> None:
        """At the edges a watch counts ten, just below them three."""
        self.assertEqual([watched(0, 80), watched(120), watched(120, 0), watched(500, 100)], [10, 10, 10, 10])
        self.assertEqual([watched(0, 79.99), watched(119.99), watched(119.99, 79.99)], [3, 3, 3])

    def test_a_watch_is_medium_from_forty_percent_or_half_a_minute_on(self) -> None:
        """At the edges a watch counts three, just below them one."""
        self.assertEqual([watched(0, 40), watched(30), watched(30, 0)], [3, 3, 3])
        self.assertEqual([watched(0, 39.99), watched(29.99), watched(29.99, 39.99), watched(0), watched(0, 0)], [1] * 5)


if __name__ == "__main__":
    unittest.main()
