"""What stages share: where things lie, results that survive a stage that is killed, and the stages' outcome."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from .library import Library
from .pack import Pack


class NotHere(Exception):
    """A stage that cannot run on this machine: it needs a device, or PyTorch. Not a failure."""


@dataclass
class Work:
    pack_folder: Path
    folder: Path
    dry_run: bool

    def pack(self) -> Pack:
        return Pack(self.pack_folder)

    def library(self) -> Library:
        """The library that the stage `library` found to work."""
        chosen = self.folder / "library"
        path = Path(chosen.read_text()) if chosen.exists() else self.pack_folder / "librevoxel_cuda_core.so"
        return Library(path)

    def needs_device(self) -> None:
        if self.dry_run:
            raise NotHere("needs a device")

    def torch(self):
        """PyTorch with a device."""
        try:
            import torch
        except ImportError:
            raise NotHere("needs PyTorch") from None
        if not torch.cuda.is_available():
            raise NotHere("needs PyTorch with a device")
        return torch

    @property
    def deadline(self) -> float:
        """When the stage will be killed, by time.time()."""
        return float(os.environ.get("REVOXEL_GPU_DEADLINE", time.time() + 600))

    def seconds_left(self) -> float:
        return self.deadline - time.time()


class Record(dict):
    """Results of a stage; `save` after every one of them."""

    def __init__(self, work: Work, stage: str):
        super().__init__()
        self.path = work.folder / "stages" / f"{stage}.json"
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def save(self) -> None:
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self, indent=1, default=float))
        part.replace(self.path)
