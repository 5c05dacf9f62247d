"""report.json and report.md of what the stages have left, and a short table for the end of the output."""

from __future__ import annotations

import json
from pathlib import Path

from .work import Work

TOP_CALLS = 25
ORDER = ["environment", "library", "cases", "compared", "ceilings", "timed", "layers", "profile", "sanitizer", "peers"]
MIB = 1 << 20
# Characters of a cell; report.json has all.
WIDEST = 160


def write(work: Work, out: Path) -> str:
    """Writes both files; returns the short table."""
    out.mkdir(parents=True, exist_ok=True)
    stages = {path.stem: json.loads(path.read_text()) for path in sorted((work.folder / "stages").glob("*.json"))}
    paths = sorted((work.folder / "stages").glob("*.outcome"), key=lambda path: ORDER.index(path.stem))
    outcomes = {path.stem: json.loads(path.read_text()) for path in paths}
    (out / "report.json").write_text(json.dumps({"outcomes": outcomes, "stages": stages}, indent=1))
    parts = [head(stages.get("environment", {})), outcome_table(outcomes)]
    for name, make in (
        ("cases", cases_part),
        ("compared", cases_part),
        ("ceilings", ceilings_part),
        ("timed", timed_part),
        ("layers", layers_part),
        ("profile", profile_part),
        ("sanitizer", sanitizer_part),
        ("peers", peers_part),
    ):
        if stages.get(name):
            parts.append(f"## {TITLES[name]}\n\n" + make(stages[name], stages))
    (out / "report.md").write_text("\n\n".join(part for part in parts if part) + "\n")
    return summary(stages, outcomes)


TITLES = {
    "cases": "Operations against the reference",
    "compared": "Small networks against the reference",
    "ceilings": "Ceilings",
    "timed": "Networks",
    "layers": "Convolutions, cold",
    "profile": "Calls of a training step",
    "sanitizer": "compute-sanitizer",
    "peers": "PyTorch",
}


def table(columns: list[str], rows: list[list[object]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(text(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def text(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 10 else f"{cell:.1f}"
    line = str(cell).replace("|", "/").replace("\n", " ")
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"


def head(e: dict) -> str:
    pack = e.get("pack", {})
    rows = [
        ["device", e.get("gpu")],
        ["versions", f"nvcc {e.get('nvcc')}; PyTorch {e.get('torch')}; cuDNN {e.get('cudnn')}; Python {e.get('python')}"],
        ["pack", f"commit {pack.get('commit')}, {pack.get('profile')}, arch {pack.get('arch')}, {pack.get('made')}"],
    ]
    kind = " (dry run on the emulated device: times mean nothing)" if e.get("dry_run") else ""
    return f"# GPU report{kind}\n\n" + table(["what", "which"], rows)


def outcome_table(outcomes: dict) -> str:
    return table(["stage", "outcome", "s"], [[name, o["outcome"], o["seconds"]] for name, o in outcomes.items()])


def cases_part(stage: dict, _: dict) -> str:
    line = f"{stage['passed']} of {stage['run']} run passed ({stage['total']} packed); worst excess of those that passed {stage['worst_excess']:.3f} (1 is the tolerance)."
    rows = [[op, r["cases"], r["passed"], r["worst_excess"]] for op, r in stage["ops"].items()]
    failures = [f"- {f['name']}: {f['message']}" for f in stage["failures"]]
    listed = "\n\nFailures:\n\n" + "\n".join(failures) if failures else ""
    return line + "\n\n" + table(["operation", "cases", "passed", "worst excess"], rows) + listed


def ceilings_part(stage: dict, _: dict) -> str:
    names = (("copy", "copy_bytes_per_second", 1e12, "TB/s"), ("second-level cache, reading", "l2_read_bytes_per_second", 1e12, "TB/s"))
    rows = [[name, stage[key] / unit, what] for name, key, unit, what in names if key in stage]
    if "bf16_flops_per_second" in stage:
        rows.append(["bf16 matrix product 8192", stage["bf16_flops_per_second"] / 1e12, "TFLOP/s"])
    return table(["what", "rate", "unit"], rows)


def timed_part(stage: dict, _: dict) -> str:
    rows = []
    for r in stage["networks"]:
        mib = lambda key: r[key] / MIB if key in r else None  # noqa: E731
        rate = r["flops"] / r["graph_ms"] / 1e9 if r.get("graph_ms", 0) > 0 else None
        rows.append(
            [
                *(r["id"], r.get("eager_ms"), r.get("graph_ms"), rate, r.get("transfers_ms")),
                *(mib("planned_bytes"), mib("allocated_bytes"), str(r.get("results", "")), r.get("error", "")),
            ]
        )
    columns = ["network", "eager ms", "graph ms", "TFLOP/s", "transfers ms", "planned MiB", "allocated MiB", "results", "error"]
    return table(columns, rows)


def layers_part(stage: dict, _: dict) -> str:
    rows = []
    for r in stage["layers"]:
        problem = f"{r['problem']['x']} * {r['problem']['w']} / {r['problem']['stride'][0]}"
        ms, peer = r.get("seconds"), r.get("peer_seconds")
        rows.append(
            [
                *(r["pass"], problem, r["count"], ms and ms * 1e6, peer and peer * 1e6),
                *(peer / ms if ms and peer else None, r["flops"] / ms / 1e12 if ms else None),
                *(100 * r["roofline"] if "roofline" in r else None, r.get("error", r.get("peer_error", ""))),
            ]
        )
    columns = ["pass", "x * w / stride", "times", "us", "peer us", "peer / ours", "TFLOP/s", "% of roofline", "error"]
    return f"Peer: {stage.get('peer')}.\n\n" + table(columns, rows)


def profile_part(stage: dict, _: dict) -> str:
    parts = []
    for name, plan in stage["plans"].items():
        whole = plan["seconds"]
        share = lambda s: 100 * s / whole if whole else None  # noqa: E731
        rate = lambda n, s: n / s / 1e9 if s else None  # noqa: E731
        ops = sorted(plan["ops"].items(), key=lambda item: -item[1]["seconds"])
        rows = [
            [op, o["calls"], o["seconds"] * 1e3, share(o["seconds"]), rate(o["flops"], o["seconds"]), rate(o["bytes"], o["seconds"])]
            for op, o in ops
        ]
        parts.append(f"### {name}: {whole * 1e3:.2f} ms in {len(plan['calls'])} calls")
        parts.append(table(["operation", "calls", "ms", "%", "GFLOP/s", "GB/s"], rows))
        top = sorted(plan["calls"], key=lambda call: -call["seconds"])[:TOP_CALLS]
        rows = [
            [c["name"], c["op"], c["variant"], c["inputs"], c["outputs"], c["seconds"] * 1e6, c["gflops"], c["gigabytes"]] for c in top
        ]
        parts.append(table(["call", "operation", "variant", "operands", "results", "us", "GFLOP/s", "GB/s"], rows))
    return "\n\n".join(parts)


def sanitizer_part(stage: dict, _: dict) -> str:
    rows = [[tool, r["cases"], r["errors"], "yes" if r["ended"] else "no", ", ".join(r["failed"])] for tool, r in stage.items()]
    return table(["tool", "cases", "errors", "ended", "failed cases"], rows)


def peers_part(stage: dict, stages: dict) -> str:
    ours = {r["id"]: r for r in stages.get("timed", {}).get("networks", [])}
    rows = []
    for r in stage["rows"]:
        own = ours.get(r["plan"], {})
        ms, peak = own.get("graph_ms"), own.get("planned_bytes")
        rows.append(
            [
                *(r["plan"], "compile" if "compile" in r["options"] else "eager", r.get("ms"), ms),
                *(r["ms"] / ms if ms and "ms" in r else None, r["peak_bytes"] / MIB if "peak_bytes" in r else None),
                *(peak / MIB if peak else None, r.get("error", "")),
            ]
        )
    return table(["network", "mode", "PyTorch ms", "ours ms", "ratio", "PyTorch peak MiB", "ours MiB", "error"], rows)


def summary(stages: dict, outcomes: dict) -> str:
    lines = [f"{name:12} {o['seconds']:7.1f} s  {o['outcome'][:110]}" for name, o in outcomes.items()]
    for name in ("cases", "compared"):
        if "passed" in stages.get(name, {}):
            s = stages[name]
            lines.append(f"{name}: {s['passed']} of {s['total']} passed, {len(s['failures'])} failed")
    if "bf16_flops_per_second" in stages.get("ceilings", {}):
        c = stages["ceilings"]
        lines.append(f"ceilings: copy {c['copy_bytes_per_second'] / 1e12:.2f} TB/s, bf16 {c['bf16_flops_per_second'] / 1e12:.0f} TFLOP/s")
    for r in stages.get("timed", {}).get("networks", []):
        if "graph_ms" in r:
            lines.append(f"{r['id']:40} eager {r['eager_ms']:8.2f} ms  graph {r['graph_ms']:8.2f} ms  {r['planned_bytes'] / MIB:8.0f} MiB planned")
    for r in stages.get("peers", {}).get("rows", []):
        if "ms" in r:
            lines.append(f"PyTorch {r['mode']:8} {r['plan']:34} {r['ms']:8.2f} ms  {r.get('peak_bytes', 0) / MIB:8.0f} MiB peak")
    return "\n".join(lines)
