"""A packed folder (tools/gpu/pack): its index and its arrays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FORMAT = 1


class Pack:
    """`index` is index.json; arrays are views of the mapped file."""

    def __init__(self, folder: Path):
        self.folder = folder
        path = folder / "index.json"
        if not path.exists():
            raise SystemExit(f"{folder} holds no pack; make one with tools/gpu/pack (with --emulated for --dry-run)")
        self.index: dict = json.loads(path.read_text())
        if self.index["format"] != FORMAT:
            raise SystemExit(f"{path} has format {self.index['format']}, this runner reads {FORMAT}; pack again")
        self._file = np.memmap(folder / "data.safetensors", np.uint8, "r")
        length = int(self._file[:8].view("<u8")[0])
        self._header = json.loads(bytes(self._file[8 : 8 + length]))
        self._begin = 8 + length

    @property
    def emulated(self) -> bool:
        return self.index["emulated"]

    def bytes_of(self, name: str) -> np.ndarray:
        """An array as bytes, copied: the library wants aligned words."""
        begin, end = self._header[name]["data_offsets"]
        return np.array(self._file[self._begin + begin : self._begin + end])
