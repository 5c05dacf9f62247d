"""Every distinct convolution of the network at 128^3, cold: ours, and PyTorch's (cuDNN) in the same process."""

from __future__ import annotations

import json

import numpy as np

from ..library import NativeError, Session
from ..timed_plan import TimedPlan
from ..timing import median_seconds
from ..work import NotHere, Record, Work

FLUSH_BYTES = 128 << 20


def layers(work: Work, record: Record) -> None:
    pack, library = work.pack(), work.library()
    peer, record["peer"] = peer_of(work)
    ceilings = ceilings_of(work)
    record["layers"] = rows = []
    for entry in pack.index["layers"]:
        row = {key: entry[key] for key in ("name", "pass", "op", "variant", "count", "problem", "flops", "bytes")}
        rows.append(row)
        try:
            with Session(library, graphs=False, profile=True) as session:
                row["seconds"] = cold_seconds(TimedPlan(session, pack, entry), entry["repeats"])
        except NativeError as error:
            row["error"] = str(error)[:300]
        if peer:
            try:
                row["peer_seconds"] = peer(entry["pass"], entry["problem"])
            except RuntimeError as error:
                row["peer_error"] = str(error)[:300]
        if "seconds" in row and ceilings:
            bound = max(entry["flops"] / ceilings[0], entry["bytes"] / ceilings[1])
            row["roofline"] = bound / row["seconds"]
        record.save()
    failed = sum("error" in row for row in rows)
    record["failed"] = failed
    if failed:
        raise RuntimeError(f"{failed} of {len(rows)} layers did not run; first: {next(r['error'] for r in rows if 'error' in r)}")


def cold_seconds(plan: TimedPlan, repeats: int) -> float:
    """Median of the plan's repetitions in its second run; each stands behind a fill that empties the cache."""
    plan.run()
    _, warm = plan.session.timings(plan.plan, 2 * repeats)
    plan.run()
    _, both = plan.session.timings(plan.plan, 2 * repeats)
    return float(np.median((both - warm)[1::2]))


def ceilings_of(work: Work) -> tuple[float, float] | None:
    path = work.folder / "stages" / "ceilings.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    names = ("bf16_flops_per_second", "copy_bytes_per_second")
    return (found[names[0]], found[names[1]]) if all(name in found for name in names) else None


def peer_of(work: Work):
    """A function that times the same convolution by PyTorch, or None and why not."""
    try:
        work.needs_device()
        torch = work.torch()
    except NotHere as reason:
        return None, str(reason)
    torch.backends.cudnn.benchmark = True
    flush = torch.empty(FLUSH_BYTES // 4, device="cuda")

    def tensor(shape: list[int]):
        data = torch.randn(shape, device="cuda", dtype=torch.bfloat16)
        return data.contiguous(memory_format=torch.channels_last_3d)

    def seconds(kind: str, p: dict) -> float:
        x, w, y = tensor(p["x"]), tensor(p["w"]), tensor(p["y"])
        stride, padding, dilation, groups = p["stride"], p["padding"], p["dilation"], p["groups"]

        def backward(mask: list[bool]):
            more = (stride, padding, dilation, False, [0, 0, 0], groups, mask)
            return torch.ops.aten.convolution_backward(y, x, w, [w.shape[0]], *more)

        steps = {
            "forward": lambda: torch.nn.functional.conv3d(x, w, None, stride, padding, dilation, groups),
            "upsampling": lambda: torch.nn.functional.conv_transpose3d(y, w, None, stride, padding),
            "input gradient": lambda: backward([True, False, False]),
            "weight gradient": lambda: backward([False, True, False]),
        }
        with torch.no_grad():
            return median_seconds(torch, steps[kind], 20, flush.zero_)

    return seconds, f"PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}, bf16, channels_last_3d"
