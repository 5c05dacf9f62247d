"""Every case of the operations' table, and small networks, against the reference's results.

A worker process runs the cases; one that hangs or loses the device's context is ended and the next worker goes on behind
the case it fell over.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from ..library import NativeError, Session
from ..pack import Pack
from ..replay import check
from ..work import Record, Work

MOST_WORKERS = 30
SECONDS_A_CASE = 40
LOST = "ERR_CUDA_CONTEXT_LOST"
# A worker ends with it when it has written down the case that lost the context.
LOST_EXIT = 3


def cases(work: Work, record: Record) -> None:
    run_all(work, record, "cases")


def networks(work: Work, record: Record) -> None:
    run_all(work, record, "compared")


def run_all(work: Work, record: Record, table: str) -> None:
    entries = work.pack().index[table]
    lines = work.folder / f"{table}.jsonl"
    results: list[dict] = []
    for _ in range(MOST_WORKERS):
        if len(results) >= len(entries) or work.seconds_left() < 5:
            break
        lines.write_text("")
        stuck = run_worker(work, table, len(results), lines)
        results += [json.loads(line) for line in lines.read_text().splitlines()]
        if stuck and len(results) < len(entries):
            results.append({"name": entries[len(results)]["name"], "ok": False, "excess": 0, "message": stuck})
        summarise(record, entries, results)
        record.save()
    if len(results) < len(entries):
        wrong = sum(not result["ok"] for result in results)
        raise RuntimeError(f"{len(results)} of {len(entries)} were run, {wrong} of them failed; then the time was over")


def run_worker(work: Work, table: str, start: int, lines: Path) -> str:
    """Runs until the worker ends or stands still. Why it could not go on, or ""."""
    command = [sys.executable, "-m", "revoxel_gpu.stages.cases", str(work.pack_folder), str(work.folder)]
    process = subprocess.Popen([*command, table, str(start), str(lines)])
    size, since = -1, time.time()
    while process.poll() is None:
        time.sleep(0.05)
        if lines.stat().st_size != size:
            size, since = lines.stat().st_size, time.time()
        hangs, over = time.time() - since > SECONDS_A_CASE, work.seconds_left() < 3
        if hangs or over:
            process.kill()
            process.wait()
            return f"did not end within {SECONDS_A_CASE} s" if hangs else ""
    return "" if process.returncode in (0, LOST_EXIT) else f"the process ended with {process.returncode}"


def summarise(record: Record, entries: list[dict], results: list[dict]) -> None:
    ops: dict[str, dict] = {}
    for entry, result in zip(entries, results):
        row = ops.setdefault(entry["op"], {"cases": 0, "passed": 0, "worst_excess": 0.0})
        row["cases"] += 1
        row["passed"] += result["ok"]
        if result["ok"]:
            row["worst_excess"] = max(row["worst_excess"], result["excess"])
    record.update(
        total=len(entries),
        run=len(results),
        passed=sum(r["ok"] for r in results),
        worst_excess=max((r["excess"] for r in results if r["ok"]), default=0.0),
        ops=ops,
        failures=[{"name": r["name"], "message": r["message"]} for r in results if not r["ok"]],
    )


def small_cases(pack: Pack) -> list[dict]:
    """Few cases in which every operation occurs: for tools that make a kernel a hundred times slower."""
    chosen: dict[str, dict] = {}
    for case in sorted(pack.index["cases"], key=lambda c: c["bytes"]):
        for op in case["ops"]:
            chosen.setdefault(op, case)
    return list({case["name"]: case for case in chosen.values()}.values())


def worker(pack: Pack, work: Work, table: str, start: int, lines: Path) -> int:
    entries = small_cases(pack) if table == "small" else pack.index[table]
    library = work.library()
    session, op = None, ""
    with lines.open("a") as file:
        for entry in entries[start:]:
            lost = False
            try:
                # A session an operation; for a memory checker one a case, so that a segment ends where the case does.
                if session is None or entry["op"] != op or table == "small":
                    if session:
                        session.close()
                    session, op = None, entry["op"]
                    session = Session(library, graphs=table != "small", synchronous=table == "small")
                excess, message = check(session, pack, entry, 1 if table == "small" else 2)
            except NativeError as error:
                excess, message, lost = 0.0, str(error)[:400], error.code == LOST
            line = {"name": entry["name"], "ok": not message, "excess": excess, "message": message}
            print(json.dumps(line), file=file, flush=True)
            if lost:
                return LOST_EXIT
    if session:
        session.close()
    return 0


if __name__ == "__main__":
    pack_folder, folder, table_, start_, lines_ = sys.argv[1:]
    work_ = Work(Path(pack_folder), Path(folder), False)
    sys.exit(worker(work_.pack(), work_, table_, int(start_), Path(lines_)))
