"""Forward decay: a sum that ages without being touched (Cormode et al. 2009, "Forward Decay", ICDE).

An event at time t adds weight x 2^((t - L) / H) for a fixed landmark L and half-life H, so sums over different events keep
their order as time goes by and a late event simply adds. Dividing by the factor of "now" gives the decayed value of now.
"""

from typing import Final

LARGEST_EXPONENT: Final = 900.0
"""Exponents are held within this bound: a double reaches 2^1023, and Postgres raises on overflow and underflow."""

MS_PER_DAY: Final = 86_400_000


def factor(ts_ms: int, landmark_ms: int, half_life_ms: float) -> float:
    """Return 2^((ts_ms - landmark_ms) / half_life_ms), its exponent held within +-900."""
    exponent = (ts_ms - landmark_ms) / half_life_ms
    if exponent > LARGEST_EXPONENT:
        exponent = LARGEST_EXPONENT
    elif exponent < -LARGEST_EXPONENT:
        exponent = -LARGEST_EXPONENT
    return float(2.0**exponent)
