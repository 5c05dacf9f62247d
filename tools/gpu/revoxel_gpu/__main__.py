"""One stage: python3 -m revoxel_gpu STAGE --pack FOLDER --work FOLDER [--dry-run]; or the report of all of them."""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from pathlib import Path

from . import report
from .stages import ceilings, environment, library, layers, peers, profile, sanitizer, timed
from .stages.cases import cases, networks
from .work import NotHere, Record, Work

STAGES = {
    "environment": environment.environment,
    "library": library.library,
    "cases": cases,
    "compared": networks,
    "ceilings": ceilings.ceilings,
    "timed": timed.timed,
    "layers": layers.layers,
    "profile": profile.profile,
    "sanitizer": sanitizer.sanitizer,
    "peers": peers.peers,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=[*STAGES, "report"])
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="where the report goes")
    parser.add_argument("--dry-run", action="store_true")
    options = parser.parse_args()
    work = Work(options.pack.resolve(), options.work.resolve(), options.dry_run)
    if options.stage == "report":
        print(report.write(work, options.out))
        return 0
    return run_stage(work, options.stage)


def run_stage(work: Work, stage: str) -> int:
    """0: done. 1: something is wrong; what was measured before stays."""
    record = Record(work, stage)
    outcome = {"outcome": "cut off"}
    start = time.time()

    def note() -> None:
        outcome["seconds"] = round(time.time() - start, 1)
        (record.path.parent / f"{stage}.outcome").write_text(json.dumps(outcome))

    record.save()
    note()
    try:
        STAGES[stage](work, record)
        failures = len(record.get("failures", []))
        outcome["outcome"] = f"{failures} failed" if failures else "done"
    except NotHere as reason:
        outcome["outcome"] = str(reason)
    except Exception as error:  # whatever it is, the other stages go on
        traceback.print_exc()
        outcome["outcome"] = f"error: {str(error)[:300]}"
    record.save()
    note()
    print(f"{stage}: {outcome['outcome']} ({outcome['seconds']} s)")
    return 1 if outcome["outcome"].startswith("error") or "failed" in outcome["outcome"] else 0


if __name__ == "__main__":
    sys.exit(main())
