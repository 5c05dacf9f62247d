"""The same networks by PyTorch (peers.py beside this package), each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

from ..work import Record, Work

# By value: what is compared first comes first. Name of the packed plan, then what peers.py is asked for.
ROWS = [
    ("unet3d-32 batch 1 training", ["--net", "unet", "--mode", "eager"]),
    ("unet3d-32 batch 1 inference", ["--net", "unet", "--mode", "eager", "--task", "inference"]),
    ("unet3d-32 batch 1 training", ["--net", "unet", "--mode", "compile"]),
    ("reversible-1 keep training", ["--net", "reversible", "--blocks", "1"]),
    ("reversible-1 recompute training", ["--net", "reversible", "--blocks", "1", "--checkpoint"]),
    ("unet3d-32 batch 2 training", ["--net", "unet", "--mode", "eager", "--batch", "2"]),
    ("unet3d-32 batch 2 inference", ["--net", "unet", "--mode", "eager", "--task", "inference", "--batch", "2"]),
    ("reversible-4 keep training", ["--net", "reversible", "--blocks", "4"]),
    ("reversible-4 recompute training", ["--net", "reversible", "--blocks", "4", "--checkpoint"]),
    ("unet3d-32 batch 1 inference", ["--net", "unet", "--mode", "compile", "--task", "inference"]),
    ("unet3d-32 batch 2 training", ["--net", "unet", "--mode", "compile", "--batch", "2"]),
]
SECONDS = {"eager": 40, "compile": 150}


def peers(work: Work, record: Record) -> None:
    work.needs_device()
    work.torch()
    record["rows"] = rows = []
    script = next(p for p in (work.pack_folder / "peers.py", work.pack_folder.parent / "tools/gpu/peers.py") if p.exists())
    for plan, options in ROWS:
        limit = min(SECONDS["compile" if "compile" in options else "eager"], work.seconds_left() - 5)
        if limit < 10:
            break
        rows.append({"plan": plan, **one(script, options, limit)})
        record.save()


def one(script, options: list[str], limit: float) -> dict:
    try:
        done = subprocess.run([sys.executable, str(script), *options], capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"options": options, "error": f"did not end within {limit:.0f} s"}
    print(done.stderr[-2000:], file=sys.stderr)
    lines = done.stdout.strip().split("\n")
    try:
        return {"options": options, **json.loads(lines[-1])}
    except json.JSONDecodeError:
        return {"options": options, "error": f"ended with {done.returncode}: {done.stderr.strip()[-200:]}"}
