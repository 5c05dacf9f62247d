"""One row's measurements, run in a fresh process of its own: memory and gradients, or time.

Memory and time are taken in two processes, since what makes resident memory readable (every large block given back to the
system at once, see MALLOC) costs time in page faults.

Not here: which peers there are and who starts this process (peers.py).
"""

import ctypes
import gc
import math
import os
import platform
import resource
import statistics
import threading
import time
from dataclasses import replace
from importlib.metadata import version

import torch
from safetensors.torch import load_file, save_file
from torch.profiler import ProfilerActivity, profile

from network import Config, gradients, initialise, inputs, loss_of

# Set by the parent before this process starts: glibc then maps every block from 64 KiB up and unmaps it when freed.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}

GIB = 2**30
PAGE = os.sysconf("SC_PAGE_SIZE")
OVER_LIMIT = 75


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * PAGE


class Sampler:
    """Reads resident memory while a `with` block runs; ends the process when it passes the limit."""

    def __init__(self, limit: float, period: float = 0.002):
        self.peak, self.samples, self.limit, self.period = 0, 0, limit, period
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        with open("/proc/self/statm", "rb", buffering=0) as file:
            while not self.done.wait(self.period):
                file.seek(0)
                now = int(file.read().split()[1]) * PAGE
                self.peak = max(self.peak, now)
                self.samples += 1
                if now > self.limit:
                    os._exit(OVER_LIMIT)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def reset_peak() -> bool:
    """Restart the kernel's own high-water mark, which `ru_maxrss` reads. False where the system does not allow it."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        return True
    except OSError:
        return False


def settle() -> int:
    """Give freed memory back and read what stays."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return resident()


class Row:
    def __init__(self, peer, config: Config):
        torch.set_num_threads(config.threads)
        self.peer, self.config = peer, config
        self.net = peer.make(config)
        if peer.shared_weights:
            initialise(self.net.named, config.seed)
        self.image, self.labels = inputs(config)
        self.net.train()

    def autocast(self):
        # Autocast caches a weight's bf16 copy. The first use in a block that inverts is without gradient, and the copy
        # without a gradient would serve the differentiated pass too: that pass needs fresh ones.
        return torch.autocast(
            "cpu",
            dtype=torch.bfloat16,
            enabled=self.config.precision == "bf16",
            cache_enabled=not self.peer.inverts,
        )

    def step(self) -> float:
        self.drop_gradients()
        if self.peer.inverts:
            # These run F and G again inside backward, which has to happen under the same autocast as forward.
            with self.autocast():
                loss = loss_of(self.net(self.image), self.labels)
                loss.backward()
        else:
            with self.autocast():
                loss = loss_of(self.net(self.image), self.labels)
            loss.backward()
        return loss.item()

    def drop_gradients(self) -> None:
        for p in self.net.parameters():
            p.grad = None

    def facts(self) -> dict:
        packages = ["torch"] + ([self.peer.package] if self.peer.package else [])
        return {
            "parameters": sum(p.numel() for p in self.net.parameters()),
            "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        }


def measure_memory(row: Row, steps: int, limit_gib: float, references: dict[str, str], save_to: str | None) -> dict:
    load_libraries(row)
    before = settle()
    limit = limit_gib * GIB
    with Sampler(limit):
        row.step()
    row.drop_gradients()
    warm = settle()
    reset = reset_peak()
    with Sampler(limit) as sampler:
        for _ in range(steps):
            loss = row.step()
    high_water = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    peak = max(high_water, sampler.peak) if reset else sampler.peak
    own = gradients(row.net.named)
    missing = [name for name in row.net.named if name not in own]
    if save_to:
        save_file(own, save_to)
    row.drop_gradients()
    return {
        **row.facts(),
        "loss": loss,
        "memory": {
            "peak_rss_growth": peak - before,
            "peak_rss_growth_after_warm_up": peak - warm,
            "peak_tensor_bytes": tensor_peak(row),
            "gradient_bytes": sum(g.nbytes for g in own.values()),
            "rss_before": before,
            "ru_maxrss": high_water,
            "ru_maxrss_reset_before_steps": reset,
            "sampled_peak": sampler.peak,
            "samples": sampler.samples,
        },
        "gradients": {
            "missing": missing,
            **{name: difference(own, load_file(path)) for name, path in references.items()},
        },
    }


def load_libraries(row: Row) -> None:
    """A step of a tiny network of the same kind, so that what libraries load at first use is not counted as activations."""
    tiny = replace(row.config, patch=(2 ** (row.config.levels - 1) * 2,) * 3, base=4)
    Row(row.peer, tiny).step()


def tensor_peak(row: Row) -> int:
    """Most bytes that torch's allocator held at once during a step, above those held at its start.

    Temporaries inside an operation count, oneDNN's reordered copies too where they come from torch's allocator. From
    the profiler's own record of every allocation: no hook that could keep a tensor alive.
    """
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as prof:
        row.step()
    row.drop_gradients()
    live = peak = 0
    events = [e for e in prof.profiler.kineto_results.events() if e.name() == "[memory]"]
    for event in sorted(events, key=lambda e: e.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak


def difference(own: dict, reference: dict) -> dict:
    """||g - r|| / ||r||: the worst parameter's, with its name, and that of all gradients as one vector."""
    worst, where, squares, total = 0.0, None, 0.0, 0.0
    for name, r in reference.items():
        if name not in own:
            return {"worst_relative_difference": None, "parameter": name, "relative_difference_of_all": None}
        r = r.double()
        off, size = (own[name].double() - r).norm().item(), r.norm().item()
        squares, total = squares + off * off, total + size * size
        ratio = off / size if size > 0 else 0.0 if off == 0 else math.inf
        if not ratio <= worst:
            worst, where = ratio, name
    return {
        "worst_relative_difference": worst,
        "parameter": where,
        "relative_difference_of_all": math.sqrt(squares / total),
    }


def measure_time(row: Row, steps: int, limit_gib: float) -> dict:
    seconds, cpu = [], []
    with Sampler(limit_gib * GIB, period=0.1):
        row.step()
        load = os.getloadavg()[0]
        for _ in range(steps):
            start, start_cpu = time.perf_counter(), time.process_time()
            row.step()
            seconds.append(time.perf_counter() - start)
            cpu.append(time.process_time() - start_cpu)
    return {
        "seconds": {
            "median": statistics.median(seconds),
            "minimum": min(seconds),
            "all": seconds,
            "cpu_median": statistics.median(cpu),
            "load_average": load,
        }
    }
