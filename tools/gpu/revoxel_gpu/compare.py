"""Comparison by the case table's rule: |actual - expected| <= atol + rtol * |expected|; NaN fails unless expected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Comparison:
    excess: float
    """Largest |actual - expected| / allowed: right up to 1."""
    message: str


def compare(actual: np.ndarray, expected: np.ndarray, rtol: float, atol: float, nan_equal: bool) -> Comparison:
    if actual.size != expected.size:
        return Comparison(np.inf, f"{actual.size} elements, expected {expected.size}")
    if actual.size == 0:
        return Comparison(0.0, "")
    a, e = actual.astype(np.float64), expected.astype(np.float64)
    with np.errstate(all="ignore"):
        excess = np.abs(a - e) / (atol + rtol * np.abs(e))
    excess[np.isnan(excess)] = np.inf
    excess[a == e] = 0
    if nan_equal:
        excess[np.isnan(a) & np.isnan(e)] = 0
    worst = int(np.argmax(excess))
    wrong = int(np.count_nonzero(excess > 1))
    text = f"element {worst} is {a[worst]:.9g}, expected {e[worst]:.9g}; {wrong} of {a.size} elements are off" if wrong else ""
    return Comparison(float(excess[worst]), text)
