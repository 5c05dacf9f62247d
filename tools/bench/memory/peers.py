"""One peer, one configuration, one row: peak memory, seconds per step, distance of the gradients from storing everything.

    python tools/bench/memory/peers.py --peer revtorch --patch 64,64,64 --blocks 1 --precision f32 --json

Each measurement runs in a fresh process. See README.md for the peers and for what each number means.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import estimate
import network
from iunet_peer import InvertibleUnet
from network import Config, PartiallyReversibleUnet

GIB = 2**30


@dataclass(frozen=True)
class Peer:
    label: str
    make: Callable[[Config], object]
    package: str | None = None
    # Rebuilds inputs from outputs by the package's own autograd function.
    inverts: bool = False
    # The network of section 4 with Revoxel's initial values; otherwise a network of the package's own.
    shared_weights: bool = True
    # The peer whose gradients this one's are compared with.
    reference: str | None = "keep"


def shared(sequence) -> Callable[[Config], object]:
    return lambda config: PartiallyReversibleUnet(config, sequence)


PEERS = {
    "keep": Peer("torch, keeps everything", shared(network.keep), reference=None),
    "checkpoint": Peer("torch.utils.checkpoint, every block", shared(network.checkpointed)),
    "revtorch": Peer("RevTorch", shared(network.revtorch_sequence), package="revtorch", inverts=True),
    "memcnn": Peer("MemCNN", shared(network.memcnn_sequence), package="memcnn", inverts=True),
    "iunets-keep": Peer(
        "iUNets, keeps everything (another network)",
        lambda config: InvertibleUnet(config, invert=False),
        package="iunets",
        shared_weights=False,
        reference=None,
    ),
    "iunets": Peer(
        "iUNets (another network)",
        lambda config: InvertibleUnet(config, invert=True),
        package="iunets",
        inverts=True,
        shared_weights=False,
        reference="iunets-keep",
    ),
}


def row(
    name: str,
    config: Config,
    steps: int,
    limit_gib: float,
    timeout: float,
    references: dict[str, str],
    save_to: str | None,
) -> dict:
    """Measure one peer. A row that could not be measured says why in `reason`; nothing is raised for that.

    `references` are files of gradients to compare with, by the name that the comparison gets; `save_to` is a file for
    this peer's own.
    """
    peer = PEERS[name]
    head = {"peer": name, "label": peer.label, "config": config.data()}
    need = estimate.peak_bytes(name, config)
    if need > limit_gib * GIB:
        return head | {
            "status": "skipped",
            "estimated_bytes": need,
            "reason": f"skipped: would need more than {limit_gib:g} GiB (estimate {need / GIB:.1f} GiB)",
        }
    result = head | {"status": "ok", "estimated_bytes": need}
    for kind in ("memory", "time"):
        part = child(kind, name, config, steps, limit_gib, timeout, references, save_to)
        if "reason" in part:
            return head | {"status": "not run", "estimated_bytes": need, "reason": f"not run: {part['reason']}"}
        result |= part
    return result


def child(
    kind: str,
    name: str,
    config: Config,
    steps: int,
    limit_gib: float,
    timeout: float,
    references: dict[str, str],
    save_to: str | None,
) -> dict:
    """Run one measurement in a fresh process."""
    from measure import MALLOC, OVER_LIMIT

    job = {
        "kind": kind,
        "peer": name,
        "config": config.data(),
        "steps": steps,
        "limit_gib": limit_gib,
        "references": references,
        "save_to": save_to,
    }
    # Threads that wait without spinning: as fast on an idle machine, and far less disturbed by others on a busy one.
    threads = {"OMP_NUM_THREADS": str(config.threads), "OMP_WAIT_POLICY": "PASSIVE"}
    environment = os.environ | threads | (MALLOC if kind == "memory" else {})
    command = [sys.executable, __file__, "--child", json.dumps(job)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"reason": f"took more than {timeout:g} s"}
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    if done.returncode == OVER_LIMIT:
        return {"reason": f"resident memory passed {limit_gib:g} GiB"}
    last = [line for line in done.stderr.splitlines() if line.strip()]
    return {"reason": last[-1] if last else f"exit status {done.returncode}"}


def run_child(job: dict) -> None:
    # Deprecation notes of packages older than the torch they run on.
    warnings.simplefilter("ignore")
    from measure import Row, measure_memory, measure_time

    config = Config(**job["config"] | {"patch": tuple(job["config"]["patch"])})
    one = Row(PEERS[job["peer"]], config)
    if job["kind"] == "time":
        result = measure_time(one, job["steps"], job["limit_gib"])
    else:
        result = measure_memory(one, job["steps"], job["limit_gib"], job["references"], job["save_to"])
    print(json.dumps(result))


def gradients_path(folder: str, name: str, precision: str) -> str:
    return str(Path(folder) / f"{name}-{precision}.safetensors")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options that peers.py and run_peers.py share."""
    parser.add_argument("--patch", default="96,96,96", help="D,H,W")
    parser.add_argument("--in-channels", type=int, default=4)
    parser.add_argument("--classes", type=int, default=3)
    parser.add_argument("--base", type=int, default=60, help="channels at full resolution")
    parser.add_argument("--levels", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=2, help="measured steps, after one warm-up step")
    parser.add_argument("--limit-gib", type=float, default=12, help="rows that need more are not run")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for one measurement of one row")


def stop_children_too() -> None:
    """Being told to end is an exception like Ctrl-C: the measurement under way is ended as well."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def config_of(options: argparse.Namespace, blocks: int, blocks_decoder: int, precision: str) -> Config:
    config = Config(
        patch=tuple(int(size) for size in options.patch.split(",")),
        blocks=blocks,
        blocks_decoder=blocks_decoder,
        in_channels=options.in_channels,
        classes=options.classes,
        base=options.base,
        levels=options.levels,
        precision=precision,
        seed=options.seed,
        threads=options.threads,
    )
    config.check()
    return config


def describe(result: dict) -> str:
    config = result["config"]
    start = f"{result['label']:<44} {config['blocks']}/{config['blocks_decoder']} {config['precision']:<4} "
    if result["status"] != "ok":
        return start + result["reason"]
    memory, gradients = result["memory"], result["gradients"]
    compared = "  ".join(
        f"{name}: {value['worst_relative_difference']:.1e}"
        if value["worst_relative_difference"] is not None
        else f"{name}: no gradient for {value['parameter']}"
        for name, value in gradients.items()
        if name != "missing"
    )
    return start + (
        f"{result['parameters']:>11,} parameters  {memory['peak_rss_growth'] / GIB:6.3f} GiB resident  "
        f"{memory['peak_tensor_bytes'] / GIB:6.3f} GiB tensors  {result['seconds']['median']:7.2f} s  {compared}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments(parser)
    parser.add_argument("--peer", choices=PEERS)
    parser.add_argument("--blocks", type=int, default=1, help="reversible blocks per level in the encoder")
    parser.add_argument("--blocks-decoder", type=int, help="the same in the decoder; default --blocks")
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--gradients-out", help="safetensors file for the gradients, by Revoxel's names")
    parser.add_argument("--json", action="store_true", help="print the row as JSON")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_child(json.loads(options.child))
        return
    stop_children_too()
    if not options.peer:
        parser.error("--peer is missing")
    blocks_decoder = options.blocks if options.blocks_decoder is None else options.blocks_decoder
    config = config_of(options, options.blocks, blocks_decoder, options.precision)
    with tempfile.TemporaryDirectory() as folder:
        references = {}
        reference = PEERS[options.peer].reference
        if reference:
            path = gradients_path(folder, reference, config.precision)
            if "reason" not in child("memory", reference, config, 1, options.limit_gib, options.timeout, {}, path):
                references[f"{reference} {config.precision}"] = path
        result = row(
            options.peer, config, options.steps, options.limit_gib, options.timeout, references, options.gradients_out
        )
    print(json.dumps(result, indent=2) if options.json else describe(result))


if __name__ == "__main__":
    main()
