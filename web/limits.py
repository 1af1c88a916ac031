"""Rate limits as token buckets in bounded memory (pure: the time is handed in)."""

from __future__ import annotations

from collections import OrderedDict


class Buckets:
    """One bucket a key, refilled at ``rate`` a second up to ``burst``; the least recently used keys are forgotten."""

    def __init__(self, rate: float, burst: int, keys: int) -> None:
        self._rate, self._burst, self._keys = rate, float(burst), keys
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """Takes one token. Returns 0.0, or the seconds until there is one."""
        level, at = self._buckets.pop(key, (self._burst, now))
        level = min(self._burst, level + max(0.0, now - at) * self._rate)
        wait = 0.0 if level >= 1 else (1 - level) / self._rate
        self._buckets[key] = (level - 1 if level >= 1 else level, now)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._buckets)
