"""Replays a recorded script (packing/recorder.mjs) in a session and judges its results."""

from __future__ import annotations

import numpy as np

from .arrays import decode
from .compare import compare
from .library import Session
from .pack import Pack


class Script:
    """A script whose plans are loaded: it can be run again and again, and starts from its own initial values each time."""

    def __init__(self, session: Session, pack: Pack, steps: list):
        self.session, self.pack, self.steps = session, pack, steps
        for step in steps:
            if step[0] == "ensure":
                session.ensure(step[1], step[2])
        self.plans = [session.load(pack.bytes_of(step[1])) for step in steps if step[0] == "load"]

    def run(self) -> tuple[list[list[np.ndarray]], list[np.ndarray]]:
        """Outputs of every run as bytes, and what was read."""
        runs: list[list[np.ndarray]] = []
        reads: list[np.ndarray] = []
        for kind, *args in self.steps:
            if kind == "write":
                offset, shape, unit, name = args
                self.session.write(offset, shape, unit, self.pack.bytes_of(name))
            elif kind == "read":
                reads.append(self.session.read(*args))
            elif kind == "run":
                plan, refresh, inputs, step, sizes = args
                outputs = [np.full(size, 0xA5, np.uint8) for size in sizes]
                given = [self.pack.bytes_of(name) for name in inputs]
                self.session.run(self.plans[plan], given, outputs, bytes.fromhex(step), refresh)
                runs.append(outputs)
        return runs, reads


def check(session: Session, pack: Pack, case: dict, repeats: int) -> tuple[float, str]:
    """Runs a case `repeats` times (the second run of a plan records its graph). Worst excess, and what is wrong or ""."""
    script = Script(session, pack, case["script"])
    worst, first = 0.0, None
    for repeat in range(repeats):
        runs, reads = script.run()
        for result in case["results"]:
            got = reads[result["read"]] if "read" in result else runs[result.get("run", -1)][result["output"]]
            expected = pack.bytes_of(result["expected"])
            kind = "f32" if result["dtype"] in ("bf16", "f16") else result["dtype"]
            found = compare(
                decode(got, result["dtype"]), decode(expected, kind), result["rtol"], result["atol"], case["nan"]
            )
            worst = max(worst, found.excess)
            if found.message:
                return worst, f"{result['name']}{' (graph)' if repeat else ''}: {found.message}"
        everything = [out.tobytes() for outputs in runs for out in outputs] + [r.tobytes() for r in reads]
        if first is not None and everything != first:
            return worst, "other bits when run again"
        first = everything
    return worst, ""
