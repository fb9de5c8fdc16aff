"""What a count of successes says, and what it does not."""

from __future__ import annotations

from math import sqrt

Z95 = 1.959963984540054


def wilson(solved: int, episodes: int, z: float = Z95) -> tuple[float, float]:
    """The Wilson score interval of a proportion (Wilson, 1927), 95 % by default; 0..1 of nothing."""
    if episodes == 0:
        return 0.0, 1.0
    share = solved / episodes
    scale = 1 + z * z / episodes
    middle = share + z * z / (2 * episodes)
    half = z * sqrt(share * (1 - share) / episodes + z * z / (4 * episodes * episodes))
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
