"""compute-sanitizer over a few small cases in which every operation occurs."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from ..work import NotHere, Record, Work

TOOLS = ("memcheck", "racecheck", "synccheck")


def sanitizer(work: Work, record: Record) -> None:
    work.needs_device()
    if not shutil.which("compute-sanitizer"):
        raise NotHere("needs compute-sanitizer")
    for i, tool in enumerate(TOOLS):
        seconds = max(1.0, (work.seconds_left() - 5) / (len(TOOLS) - i))
        record[tool] = run_tool(work, tool, seconds)
        record.save()
    wrong = [tool for tool in TOOLS if record[tool]["errors"] != 0 or record[tool]["failed"]]
    if wrong:
        raise RuntimeError(f"{', '.join(wrong)}: see the log")


def run_group(command: list[str], seconds: float) -> None:
    """Runs a command; past its time it ends with all it has started, or the device would stay busy."""
    child = subprocess.Popen(command, start_new_session=True)
    try:
        child.wait(timeout=seconds)
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise


def run_tool(work: Work, tool: str, seconds: float) -> dict:
    lines = work.folder / f"sanitizer-{tool}.jsonl"
    lines.write_text("")
    log = work.folder / "logs" / f"sanitizer-{tool}.log"
    command = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "9", "--log-file", str(log)]
    worker = [sys.executable, "-m", "revoxel_gpu.stages.cases", str(work.pack_folder), str(work.folder)]
    start = time.time()
    try:
        run_group([*command, *worker, "small", "0", str(lines)], seconds)
        ended = True
    except subprocess.TimeoutExpired:
        ended = False
    results = [json.loads(line) for line in lines.read_text().splitlines()]
    text = log.read_text() if log.exists() else ""
    found = re.findall(r"(?:ERROR SUMMARY|RACECHECK SUMMARY): (\d+)", text)
    return {
        "seconds": time.time() - start,
        "ended": ended,
        "cases": len(results),
        "failed": [r["name"] for r in results if not r["ok"]],
        # None: no summary was written, because the tool was stopped or did not start.
        "errors": int(found[-1]) if found else None,
    }
