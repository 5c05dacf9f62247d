"""Training steps and inference of whole networks: time by single launches and by a CUDA graph, and bytes.

Each plan runs in a process of its own, so that what one leaves behind (a lost context, a fragmented device) is no other's.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from ..device_memory import DeviceMemory
from ..library import NativeError, Session
from ..pack import Pack
from ..timed_plan import TimedPlan
from ..timing import host_seconds
from ..work import Record, Work

SECONDS_A_PLAN = 75
RUNS, SECONDS_A_MEASUREMENT = 20, 4.0


def timed(work: Work, record: Record) -> None:
    record["networks"] = rows = []
    entries = work.pack().index["networks"]
    for i, entry in enumerate(entries):
        if work.seconds_left() < 10:
            break
        rows.append(in_process(work, i, entry["id"]))
        record.save()
    failed = [row for row in rows if "error" in row]
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(rows)} did not run; first: {failed[0]['error']}")
    if len(rows) < len(entries):
        raise RuntimeError(f"{len(rows)} of {len(entries)} were timed; then the time was over")


def in_process(work: Work, index: int, name: str) -> dict:
    out = work.folder / "timed.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, "-m", "revoxel_gpu.stages.timed", str(work.pack_folder), str(work.folder)]
    limit = min(SECONDS_A_PLAN, work.seconds_left() - 3)
    try:
        done = subprocess.run([*command, str(int(work.dry_run)), str(index), str(out)], timeout=limit)
    except subprocess.TimeoutExpired:
        return {"id": name, "error": f"did not end within {limit:.0f} s"}
    if not out.exists():
        return {"id": name, "error": f"the process ended with {done.returncode}"}
    return json.loads(out.read_text())


def measure(work: Work, pack: Pack, entry: dict) -> dict:
    row = {key: entry[key] for key in ("id", "task", "memory", "persistentBytes", "transientBytes", "flops", "bytesMoved")}
    row["planned_bytes"] = entry["persistentBytes"] + entry["transientBytes"]
    library = work.library()
    device = DeviceMemory.open(None if work.dry_run else library)
    try:
        for graphs in (False, True):
            before = device.used()
            with Session(library, graphs=graphs) as session:
                plan = TimedPlan(session, pack, entry)
                for _ in range(3):
                    plan.run()
                if device.known:
                    row["graph_bytes" if graphs else "allocated_bytes"] = device.used() - before
                row["held_bytes"] = sum(session.memory().values())
                limit = 0.5 if work.dry_run else SECONDS_A_MEASUREMENT
                wall = host_seconds(plan.run, RUNS, limit)
                # Before the twin, which copies to the same outputs what its plan has not computed.
                row["results"] = results_of(plan)
                transfers = host_seconds(empty_twin(session, pack, entry, plan), RUNS, limit / 4)
                kind = "graph" if graphs else "eager"
                row[f"{kind}_wall_ms"] = statistics.median(wall) * 1e3
                row[f"{kind}_ms"] = (statistics.median(wall) - statistics.median(transfers)) * 1e3
                row["transfers_ms"] = statistics.median(transfers) * 1e3
    except NativeError as error:
        row["error"] = str(error)[:400]
    return row


def empty_twin(session: Session, pack: Pack, entry: dict, plan: TimedPlan):
    """The plan without calls: what its inputs and outputs cost to copy."""
    twin = session.load(pack.bytes_of(entry["transfers"]))
    return lambda: session.run(twin, plan.inputs, plan.outputs, plan.step)


def results_of(plan: TimedPlan) -> dict:
    """Scalars by value, larger outputs by whether all is finite: a fast step that makes NaN is no result."""
    found = {}
    for value, data in zip(plan.entry["outputs"], plan.outputs):
        numbers = data.view(np.float32) if value["dtype"] == "f32" else data
        found[value["name"]] = float(numbers[0]) if numbers.size == 1 else bool(np.isfinite(numbers).all())
    return found


if __name__ == "__main__":
    pack_folder, folder, dry_, index_, out_ = sys.argv[1:]
    work_ = Work(Path(pack_folder), Path(folder), dry_ == "1")
    pack_ = work_.pack()
    Path(out_).write_text(json.dumps(measure(work_, pack_, pack_.index["networks"][int(index_)]), default=float))
