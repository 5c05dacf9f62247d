"""The timed networks in PyTorch, written independently: time and memory of a training step or of inference.

    python3 peers.py --net unet --batch 1 --mode compile --task training
    python3 peers.py --net reversible --blocks 4 --checkpoint

bf16 by autocast, f32 parameters, channels_last_3d, the loss and the optimiser of the packed plans. The last line is JSON:
`ms` (median by device events), `peak_bytes` (torch.cuda.max_memory_allocated over steps, parameters and all). On a machine
without a GPU, --tiny runs small ones on the CPU, to see that the script works.

Sources: Isensee et al. 2021 (nnU-Net) for the plain network; Bruegger et al. 2019 (arXiv 1906.06148) for the reversible one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

SLOPE = 0.01
CLASSES = 4
STEPS, WARM_UP = 20, 5


class ConvBlock(nn.Sequential):
    """Convolution 3x3x3, instance norm, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__(
            nn.Conv3d(inputs, outputs, 3, stride, 1),
            nn.InstanceNorm3d(outputs, affine=True),
            nn.LeakyReLU(SLOPE, inplace=True),
        )


class PlainUnet(nn.Module):
    """Two blocks a level, strided convolution down, transposed convolution up, skips concatenated."""

    def __init__(self, inputs: int, widths: list[int]):
        super().__init__()
        self.encoder = nn.ModuleList()
        for level, width in enumerate(widths):
            first = ConvBlock(inputs if level == 0 else widths[level - 1], width, 1 if level == 0 else 2)
            self.encoder.append(nn.Sequential(first, ConvBlock(width, width)))
        self.up, self.decoder = nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(len(widths) - 1)):
            self.up.append(nn.ConvTranspose3d(widths[level + 1], widths[level], 2, 2))
            self.decoder.append(nn.Sequential(ConvBlock(2 * widths[level], widths[level]), ConvBlock(widths[level], widths[level])))
        self.head = nn.Conv3d(widths[0], CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        skips.pop()
        for up, stage in zip(self.up, self.decoder):
            x = stage(torch.cat([up(x), skips.pop()], 1))
        return self.head(x)


class Residual(nn.Sequential):
    """Group norm, leaky ReLU, convolution, on one half of the channels."""

    def __init__(self, channels: int, groups: int):
        super().__init__(
            nn.GroupNorm(groups, channels),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv3d(channels, channels, 3, padding=1, bias=False),
        )


class Blocks(nn.Module):
    """Additive couplings on two halves, kept for the backward pass or recomputed block by block."""

    def __init__(self, channels: int, groups: int, count: int, recompute: bool):
        super().__init__()
        half = channels // 2
        self.pairs = nn.ModuleList(nn.ModuleList([Residual(half, groups), Residual(half, groups)]) for _ in range(count))
        self.recompute = recompute

    def forward(self, x: Tensor) -> Tensor:
        a, b = x.chunk(2, 1)
        for f, g in self.pairs:
            if self.recompute and self.training:
                a, b = checkpoint(self.couple, f, g, a, b, use_reentrant=False)
            else:
                a, b = self.couple(f, g, a, b)
        return torch.cat([a, b], 1)

    @staticmethod
    def couple(f: nn.Module, g: nn.Module, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        a = a + f(b)
        return a, b + g(a)


class PartiallyReversible(nn.Module):
    """Max pooling and 1x1x1 convolution down, 1x1x1 convolution and trilinear interpolation up, skips added."""

    def __init__(self, inputs: int, base: int, levels: int, count: int, recompute: bool):
        super().__init__()
        widths = [base * max(1, 2 * level) for level in range(levels)]
        blocks = lambda width: Blocks(width, base // 2, count, recompute)  # noqa: E731
        self.stem = nn.Conv3d(inputs, widths[0], 3, padding=1, bias=False)
        self.encoder = nn.ModuleList(blocks(width) for width in widths)
        self.decoder = nn.ModuleList(blocks(width) for width in widths)
        self.down = nn.ModuleList(nn.Conv3d(widths[i], widths[i + 1], 1) for i in range(levels - 1))
        self.up = nn.ModuleList(nn.Conv3d(widths[i + 1], widths[i], 1) for i in range(levels - 1))
        self.head = nn.Conv3d(widths[0], CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        x, skips = self.stem(x), []
        for level, blocks in enumerate(self.encoder):
            x = blocks(x if level == 0 else self.down[level - 1](F.max_pool3d(x, 2)))
            skips.append(x)
        x = self.decoder[-1](skips.pop())
        for level in reversed(range(len(self.up))):
            up = F.interpolate(self.up[level](x), scale_factor=2, mode="trilinear", align_corners=False)
            x = self.decoder[level](skips.pop() + up)
        return self.head(x)


def loss_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy minus the mean soft Dice of the foreground."""
    logits = logits.float()
    truth = F.one_hot(labels, CLASSES).movedim(-1, 1)[:, 1:].float()
    p = logits.softmax(1)[:, 1:]
    axes = (0, 2, 3, 4)
    dice = (2 * (p * truth).sum(axes) + 1e-5) / (p.sum(axes) + truth.sum(axes) + 1e-5)
    return F.cross_entropy(logits, labels) - dice.mean()


def build(options: argparse.Namespace) -> tuple[nn.Module, int, tuple[int, int, int]]:
    """Network, image channels, patch."""
    if options.net == "unet":
        widths = [4, 8] if options.tiny else [32, 64, 128, 256, 320, 320]
        return PlainUnet(1, widths), 1, (8, 8, 8) if options.tiny else (128, 128, 128)
    base, levels = (4, 2) if options.tiny else (60, 5)
    net = PartiallyReversible(4, base, levels, options.blocks, options.checkpoint)
    return net, 4, (8, 8, 8) if options.tiny else (160, 192, 160)


def measure(options: argparse.Namespace) -> dict:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu" and not options.tiny:
        raise SystemExit("no GPU; --tiny runs small networks on the CPU")
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(0)
    net, channels, patch = build(options)
    training = options.task == "training"
    net = net.to(device, memory_format=torch.channels_last_3d).train(training)
    run = torch.compile(net) if options.mode == "compile" else net
    image = torch.randn(options.batch, channels, *patch, device=device).contiguous(memory_format=torch.channels_last_3d)
    labels = torch.randint(0, CLASSES, (options.batch, *patch), device=device)
    optimizer = torch.optim.SGD(net.parameters(), 1e-3, momentum=0.99, weight_decay=3e-5, nesterov=True)
    precision = torch.autocast(device.type, torch.bfloat16)

    def step() -> None:
        if not training:
            with torch.no_grad(), precision:
                run(image)
            return
        optimizer.zero_grad(set_to_none=True)
        with precision:
            logits = run(image)
        loss_of(logits, labels).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 12)
        optimizer.step()

    row = {
        "parameters": sum(p.numel() for p in net.parameters()),
        "mode": options.mode,
        "torch": torch.__version__,
        "ms": timed(step, device, 2 if options.tiny else STEPS),
    }
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        step()
        torch.cuda.synchronize()
        row["peak_bytes"] = torch.cuda.max_memory_allocated()
        row["reserved_bytes"] = torch.cuda.max_memory_reserved()
    return row


def timed(step, device: torch.device, steps: int) -> float:
    """Median milliseconds of a step."""
    for _ in range(WARM_UP if device.type == "cuda" else 1):
        step()
    found = []
    for _ in range(steps):
        if device.type == "cuda":
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            step()
            end.record()
            torch.cuda.synchronize()
            found.append(begin.elapsed_time(end))
        else:
            start = time.perf_counter()
            step()
            found.append((time.perf_counter() - start) * 1e3)
    return statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", choices=["unet", "reversible"], default="unet")
    parser.add_argument("--mode", choices=["eager", "compile"], default="eager")
    parser.add_argument("--task", choices=["training", "inference"], default="training")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--blocks", type=int, default=1)
    parser.add_argument("--checkpoint", action="store_true", help="recompute every reversible block in the backward pass")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    try:
        row = measure(options)
    except torch.cuda.OutOfMemoryError as error:
        row = {"error": f"out of memory: {str(error)[:160]}"}
    print(json.dumps(row))


if __name__ == "__main__":
    main()
