"""Arrays of the plans' dtypes: bf16 and f16 as their 16 bits, initial values, random operands."""

from __future__ import annotations

import math

import numpy as np

NUMPY = {
    "f32": np.float32,
    "bf16": np.uint16,
    "f16": np.uint16,
    "i32": np.int32,
    "u32": np.uint32,
    "u8": np.uint8,
    "q16": np.int16,
    "q32": np.int32,
}
UNIT = {name: np.dtype(kind).itemsize for name, kind in NUMPY.items()}

# Drawn once and repeated: operands of a gigabyte would take longer to draw than to use.
_POOL = np.random.default_rng(20260).standard_normal(1 << 20).astype(np.float32)


def to_bf16(values: np.ndarray) -> np.ndarray:
    """Rounds to nearest even; for finite numbers."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(bits: np.ndarray) -> np.ndarray:
    return (bits.astype(np.uint32) << 16).view(np.float32)


def decode(data: np.ndarray, dtype: str) -> np.ndarray:
    """Bytes as numbers of a dtype, flat."""
    values = data.view(NUMPY[dtype])
    if dtype == "f16":
        return values.view(np.float16).astype(np.float32)
    return from_bf16(values) if dtype == "bf16" else values


def encode(values: np.ndarray, dtype: str) -> np.ndarray:
    if dtype == "f16":
        return np.ascontiguousarray(values, np.float16).view(np.uint16)
    return to_bf16(values) if dtype == "bf16" else values.astype(NUMPY[dtype])


def initial(entry: dict) -> np.ndarray:
    """A persistent value as its initializer says, flat; the same distribution as in a session, other numbers."""
    init, dtype, count = entry["init"], entry["dtype"], math.prod(entry["shape"])
    if init["kind"] == "constant":
        return encode(np.full(count, init["value"], np.float32), dtype)
    if init["kind"] == "uniform":
        u = (np.resize(_POOL, count) - _POOL.min()) / (_POOL.max() - _POOL.min())
        return encode(init["low"] + (init["high"] - init["low"]) * u, dtype)
    return operand(dtype, count, init["std"])


def operand(dtype: str, count: int, std: float = 1.0) -> np.ndarray:
    """Random numbers that are sensible for a dtype."""
    scale = {"f32": std, "bf16": std, "f16": std, "q16": 2.0**9, "q32": 2.0**20}.get(dtype)
    if scale is None:
        return labels(count, 3).astype(NUMPY[dtype])
    return np.resize(encode(_POOL * np.float32(scale), dtype), count)


def labels(count: int, classes: int) -> np.ndarray:
    return (np.abs(np.resize(_POOL, count) * 1000).astype(np.int64) % classes).astype(np.uint8)
