"""All peers, one after another, into one JSON file: block counts, precisions, memory, time, gradients.

    python tools/bench/memory/run_peers.py --patch 64,64,64 --out results.json

The file is written anew after every row, in one rename: stopped half-way, it holds the rows so far.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

from peers import PEERS, arguments, config_of, describe, gradients_path, row, stop_children_too


def write(path: Path, results: dict) -> None:
    part = path.with_name(path.name + ".part")
    with open(part, "w") as file:
        json.dump(results, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def choices(text: str, allowed, what: str) -> list[str]:
    given = text.split(",")
    for name in given:
        if name not in allowed:
            raise SystemExit(f"{what} {name!r}: one of {', '.join(allowed)}")
    return given


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments(parser)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--blocks", default="1,4", help="blocks per level and side: 1,4; or encoder/decoder: 2/1")
    parser.add_argument("--precisions", default="f32,bf16")
    parser.add_argument("--peers", default=",".join(PEERS), help="default: all")
    options = parser.parse_args()
    stop_children_too()
    peers = choices(options.peers, PEERS, "--peers")
    precisions = choices(options.precisions, ("f32", "bf16"), "--precisions")

    results = {"rows": []}
    for blocks in options.blocks.split(","):
        encoder, _, decoder = blocks.partition("/")
        # Gradients of the peers that store everything, for the rows after them; f32 stays for the bf16 rows.
        with tempfile.TemporaryDirectory() as folder:
            stored: dict[tuple[str, str], str] = {}
            for precision in precisions:
                config = config_of(options, int(encoder), int(decoder or encoder), precision)
                for name in peers:
                    peer = PEERS[name]
                    reference = peer.reference or name
                    against = {f"{reference} {p}": path for (n, p), path in stored.items() if n == reference}
                    keeps = gradients_path(folder, name, precision) if peer.reference is None else None
                    result = row(name, config, options.steps, options.limit_gib, options.timeout, against, keeps)
                    if keeps and result["status"] == "ok":
                        stored[name, precision] = keeps
                    results["rows"].append(result)
                    write(options.out, results)
                    print(describe(result), flush=True)


if __name__ == "__main__":
    main()
