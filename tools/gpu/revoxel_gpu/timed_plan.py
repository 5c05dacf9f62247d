"""A packed plan that is timed: loaded, with initial values, and run."""

from __future__ import annotations

import math
import struct

import numpy as np

from .arrays import UNIT, initial, labels, operand
from .library import Session
from .pack import Pack

LEARNING_RATE = 1e-3


class TimedPlan:
    def __init__(self, session: Session, pack: Pack, entry: dict):
        self.session, self.entry = session, entry
        session.ensure(entry["persistentBytes"], entry["transientBytes"])
        self.plan = session.load(pack.bytes_of(entry["words"]))
        for value in entry["persistent"]:
            data = initial(value)
            # As one row: initial values are random, so the order in memory does not matter, and rows are copied fastest.
            session.write(value["offset"], [data.size], UNIT[value["dtype"]], data)
        self.inputs = [input_data(value) for value in entry["inputs"]]
        self.outputs = [np.zeros(value["bytes"], np.uint8) for value in entry["outputs"]]
        self.step = step_block(entry)
        self.refresh = list(range(entry["derived"]))

    def run(self) -> None:
        self.session.run(self.plan, self.inputs, self.outputs, self.step, self.refresh)
        # A plan makes its own derived values anew after it has changed their parameters.
        self.refresh = []


def input_data(value: dict) -> np.ndarray:
    count = math.prod(value["shape"])
    return labels(count, 3) if value["dtype"] == "u8" else operand(value["dtype"], count)


def step_block(entry: dict) -> bytes:
    block = bytearray(entry["stepBytes"])
    for scalar in entry["step"]:
        if scalar["dtype"] == "f32":
            struct.pack_into("<f", block, scalar["offset"], LEARNING_RATE)
        else:
            struct.pack_into("<I", block, scalar["offset"], 1)
    return bytes(block)
