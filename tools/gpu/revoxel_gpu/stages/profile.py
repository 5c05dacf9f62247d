"""Time of every call of a training step, by events around each: which operations to make faster next."""

from __future__ import annotations

from ..library import NativeError, Session
from ..timed_plan import TimedPlan
from ..work import Record, Work

RUNS = 5


def profile(work: Work, record: Record) -> None:
    pack, library = work.pack(), work.library()
    chosen = [e for e in pack.index["networks"] if e["task"] == "training" and "batch 2" not in e["id"]]
    record["plans"] = plans = {}
    wrong = ""
    for entry in chosen:
        if work.seconds_left() < 15:
            break
        try:
            with Session(library, graphs=False, profile=True) as session:
                plans[entry["id"]] = calls_of(TimedPlan(session, pack, entry), 1 if work.dry_run else RUNS)
        except NativeError as error:
            wrong = wrong or f"{entry['id']}: {error}"
        record.save()
    if wrong:
        raise RuntimeError(wrong[:400])


def calls_of(plan: TimedPlan, runs: int) -> dict:
    calls = plan.entry["calls"]
    plan.run()
    _, warm = plan.session.timings(plan.plan, len(calls))
    for _ in range(runs):
        plan.run()
    _, all_ = plan.session.timings(plan.plan, len(calls))
    seconds = (all_ - warm) / runs
    rows = [rated(call, float(s)) for call, s in zip(calls, seconds)]
    ops: dict[str, dict] = {}
    for row in rows:
        of = ops.setdefault(row["op"], {"calls": 0, "seconds": 0.0, "flops": 0, "bytes": 0})
        of["calls"] += 1
        for key in ("seconds", "flops", "bytes"):
            of[key] += row[key]
    return {"seconds": float(seconds.sum()), "ops": ops, "calls": rows}


def rated(call: dict, seconds: float) -> dict:
    rate = 1e-9 / seconds if seconds > 0 else 0.0
    return {**call, "seconds": seconds, "gflops": call["flops"] * rate, "gigabytes": call["bytes"] * rate}
