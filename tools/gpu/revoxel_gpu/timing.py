"""Times: by device events where PyTorch is there, by the host's clock around a run that waits for the device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def median_seconds(torch, work: Callable[[], object], runs: int, before: Callable[[], object] | None = None) -> float:
    """Median time of `work` on the device; `before` runs ahead of each and is not counted."""
    for _ in range(3):
        work()
    pairs = []
    for _ in range(runs):
        if before:
            before()
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        pairs.append((begin, end))
    torch.cuda.synchronize()
    return statistics.median(begin.elapsed_time(end) for begin, end in pairs) / 1e3


def host_seconds(work: Callable[[], object], runs: int, limit: float) -> list[float]:
    """Times of `work`, which ends with the device idle: at most `runs`, at least three, about `limit` seconds."""
    seconds: list[float] = []
    end = time.perf_counter() + limit
    while len(seconds) < runs and (len(seconds) < 3 or time.perf_counter() < end):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return seconds
