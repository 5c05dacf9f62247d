"""The C library (native/core/c-api.h) by ctypes: sessions that load plans, copy values and run."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ERROR_BYTES = 4096


class NativeError(Exception):
    """An error of the library; `code` is the word before the colon, such as ERR_OUT_OF_MEMORY."""

    def __init__(self, text: str):
        super().__init__(text)
        head, _, rest = text.partition(": ")
        self.code = head if head.startswith("ERR_") else "ERR_UNKNOWN"
        self.message = rest if head.startswith("ERR_") else text


class Library:
    """A loaded librevoxel_cuda_core.so. Raises OSError when the file cannot be loaded here."""

    def __init__(self, path: Path):
        self.path = path
        self.c = ctypes.CDLL(str(path))
        self.c.revoxel_probe.restype = ctypes.c_size_t
        self.c.revoxel_timings.restype = ctypes.c_int64

    def probe(self) -> dict:
        """Driver, devices and what is wrong, if anything (`reason`)."""
        size = self.c.revoxel_probe(None, ctypes.c_size_t(0))
        buffer = ctypes.create_string_buffer(size)
        self.c.revoxel_probe(buffer, ctypes.c_size_t(size))
        return json.loads(buffer.value.decode())


class Session:
    """One session; use it with `with`. Not for several threads."""

    def __init__(self, library: Library, graphs: bool = True, synchronous: bool = False, profile: bool = False):
        self.c = library.c
        self.handle = ctypes.c_void_p()
        self._call("revoxel_open", ctypes.c_int(0), int(graphs), int(synchronous), int(profile), ctypes.byref(self.handle))

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.handle:
            self.c.revoxel_close(self.handle)
            self.handle = ctypes.c_void_p()

    def ensure(self, persistent: int, transient: int) -> None:
        self._call("revoxel_ensure", self.handle, ctypes.c_int64(persistent), ctypes.c_int64(transient))

    def load(self, words: np.ndarray) -> int:
        plan = ctypes.c_int64()
        self._call("revoxel_load", self.handle, _pointer(words), ctypes.c_size_t(words.nbytes), ctypes.byref(plan))
        return plan.value

    def write(self, offset: int, shape: Sequence[int], unit: int, data: np.ndarray) -> None:
        """Host array of logical C order to the persistent segment."""
        self._copy(False, offset, shape, unit, data)

    def read(self, offset: int, shape: Sequence[int], unit: int, size: int) -> np.ndarray:
        data = np.empty(size, np.uint8)
        self._copy(True, offset, shape, unit, data)
        return data

    def run(
        self,
        plan: int,
        inputs: Sequence[np.ndarray] = (),
        outputs: Sequence[np.ndarray] = (),
        step: bytes = b"",
        refresh: Sequence[int] = (),
    ) -> None:
        block = np.frombuffer(step, np.uint8) if step else np.zeros(1, np.uint8)
        stale = (ctypes.c_int64 * max(1, len(refresh)))(*refresh)
        self._call(
            "revoxel_run",
            self.handle,
            ctypes.c_int64(plan),
            stale,
            len(refresh),
            *_spans(inputs),
            _pointer(block),
            ctypes.c_int64(len(step)),
            *_spans(outputs),
        )

    def timings(self, plan: int, calls: int) -> tuple[int, np.ndarray]:
        """Runs so far and seconds of every call, summed over them; the session was opened with `profile`."""
        seconds = np.zeros(max(1, calls), np.float64)
        runs = self.c.revoxel_timings(self.handle, ctypes.c_int64(plan), _pointer(seconds), ctypes.c_int(calls))
        if runs < 0:
            raise NativeError("ERR_PLAN: no timings of that plan")
        return int(runs), seconds[:calls]

    def memory(self) -> dict[str, int]:
        sizes = (ctypes.c_int64 * 3)()
        self.c.revoxel_memory(self.handle, sizes)
        return dict(zip(("persistent", "transient", "blocks"), sizes))

    def _copy(self, to_host: bool, offset: int, shape: Sequence[int], unit: int, data: np.ndarray) -> None:
        sizes = (ctypes.c_int64 * max(1, len(shape)))(*shape)
        where = (ctypes.c_int64(offset), sizes, len(shape), ctypes.c_int64(unit))
        self._call("revoxel_copy", self.handle, int(to_host), *where, _pointer(data), ctypes.c_int64(data.nbytes))

    def _call(self, name: str, *args: object) -> None:
        error = ctypes.create_string_buffer(ERROR_BYTES)
        if getattr(self.c, name)(*args, error, ctypes.c_size_t(ERROR_BYTES)) != 0:
            raise NativeError(error.value.decode(errors="replace"))


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    if not array.flags.c_contiguous:
        raise ValueError("arrays must be contiguous")
    return ctypes.c_void_p(array.ctypes.data)


def _spans(arrays: Sequence[np.ndarray]) -> tuple:
    count = max(1, len(arrays))
    pointers = (ctypes.c_void_p * count)(*(a.ctypes.data for a in arrays))
    sizes = (ctypes.c_int64 * count)(*(a.nbytes for a in arrays))
    return pointers, sizes, len(arrays)
