"""Which machine this is."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess

from ..work import Record, Work

QUERY = "name,driver_version,memory.total,compute_cap,clocks.max.sm,clocks.max.mem,power.limit"


def first_lines(command: list[str]) -> str:
    """What a command prints, or why it does not."""
    if not shutil.which(command[0]):
        return "not found"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except subprocess.TimeoutExpired:
        return "did not answer"
    return (done.stdout or done.stderr).strip()


def environment(work: Work, record: Record) -> None:
    about = {key: value for key, value in work.pack().index.items() if not isinstance(value, list)}
    record.update(
        pack=about,
        dry_run=work.dry_run,
        python=platform.python_version(),
        system=platform.platform(),
        processors=os.cpu_count(),
        gpu=first_lines(["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader"]),
        nvcc=first_lines(["nvcc", "--version"]).split("\n")[-1],
        sanitizer=first_lines(["compute-sanitizer", "--version"]).split("\n")[-1],
    )
    record.save()
    try:
        import torch

        record["torch"] = torch.__version__
        record["torch_cuda"] = torch.version.cuda
        record["cudnn"] = torch.backends.cudnn.version()
    except ImportError:
        record["torch"] = "not installed"
