"""What the device reaches at best: copying, reading the second-level cache, and a bf16 matrix product."""

from __future__ import annotations

from ..timing import median_seconds
from ..work import Record, Work

COPY_BYTES = 2 << 30
CACHED_BYTES = 16 << 20
MATRIX = 8192


def ceilings(work: Work, record: Record) -> None:
    work.needs_device()
    torch = work.torch()
    source = torch.randn(COPY_BYTES // 4, device="cuda")
    target = torch.empty_like(source)
    seconds = median_seconds(torch, lambda: target.copy_(source), 20)
    record["copy_bytes_per_second"] = 2 * COPY_BYTES / seconds
    del source, target
    # A reduction over what fits the cache: below its speed, but what a kernel of ordinary loads gets.
    cached = torch.randn(CACHED_BYTES // 4, device="cuda")
    seconds = median_seconds(torch, lambda: [cached.sum() for _ in range(20)], 20) / 20
    record["l2_read_bytes_per_second"] = CACHED_BYTES / seconds
    a, b = (torch.randn(MATRIX, MATRIX, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    seconds = median_seconds(torch, lambda: a @ b, 20)
    record["bf16_flops_per_second"] = 2 * MATRIX**3 / seconds
