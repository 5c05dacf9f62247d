"""The partially reversible 3D U-Net as the peers run it: one network, several ways to get through its reversible blocks.

Not here: measuring (measure.py) and the iUNet, which is a network of its own (iunet_peer.py). Names, shapes, order and
initial values of the parameters are those of Revoxel's network, so that both sides compute the same function.

Sources: Bruegger, Baumgartner, Konukoglu 2019 (arXiv 1906.06148) for the network; Gomez et al. 2017 (arXiv 1707.04585) for
the block; He et al. 2015 (arXiv 1502.01852) for the initial weights.
"""

import math
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fixtures"))
from test_data import draw, name_key, words  # noqa: E402

SLOPE = 0.01
WIDTHS = (1, 2, 4, 6, 8)
INITIAL_VALUES = 1


@dataclass(frozen=True)
class Config:
    patch: tuple[int, int, int] = (96, 96, 96)
    blocks: int = 1
    blocks_decoder: int = 1
    in_channels: int = 4
    classes: int = 3
    base: int = 60
    levels: int = 5
    precision: str = "f32"
    seed: int = 0
    threads: int = 2

    @property
    def channels(self) -> list[int]:
        """60, 120, 240, 360, 480 for base 60."""
        return [self.base * width for width in WIDTHS[: self.levels]]

    @property
    def groups(self) -> int:
        """Groups of every norm, at every level: half the base."""
        return self.base // 2

    def check(self) -> None:
        if not 2 <= self.levels <= len(WIDTHS):
            raise SystemExit(f"--levels must be 2 to {len(WIDTHS)}, got {self.levels}")
        if self.base < 2 or self.base % 2:
            raise SystemExit(f"--base must be even, got {self.base}")
        step = 2 ** (self.levels - 1)
        if len(self.patch) != 3 or any(size < step or size % step for size in self.patch):
            raise SystemExit(f"--patch must be three multiples of {step}, got {self.patch}")

    def data(self) -> dict:
        return asdict(self) | {"patch": list(self.patch)}


# The network


class Half(nn.Module):
    """F or G of a block: group norm -> leaky ReLU -> convolution 3x3x3 without bias, on half of the channels."""

    def __init__(self, channels: int, groups: int):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)
        self.conv = nn.Conv3d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x):
        return self.conv(F.leaky_relu(self.norm(x), SLOPE, inplace=True))


class PlainSequence(nn.Module):
    """Blocks by PyTorch's own means. The halves stay apart from block to block: no concatenation in between."""

    def __init__(self, blocks: list[tuple[Half, Half]], recompute: bool):
        super().__init__()
        self.blocks = nn.ModuleList(nn.ModuleList(block) for block in blocks)
        self.recompute = recompute

    def forward(self, x):
        x1, x2 = torch.chunk(x, 2, dim=1)
        del x
        for f, g in self.blocks:
            if self.recompute:
                x1, x2 = checkpoint(couple, f, g, x1, x2, use_reentrant=False)
            else:
                x1, x2 = couple(f, g, x1, x2)
        return torch.cat([x1, x2], dim=1)


def couple(f, g, x1, x2):
    y1 = x1 + f(x2)
    return y1, x2 + g(y1)


def keep(blocks):
    return PlainSequence(blocks, recompute=False)


def checkpointed(blocks):
    return PlainSequence(blocks, recompute=True)


def revtorch_sequence(blocks):
    from revtorch import ReversibleBlock, ReversibleSequence

    return ReversibleSequence(nn.ModuleList(ReversibleBlock(f, g) for f, g in blocks))


def memcnn_sequence(blocks):
    memcnn = quietly("memcnn")
    return nn.Sequential(
        *(memcnn.InvertibleModuleWrapper(memcnn.AdditiveCoupling(f, g), keep_input=False) for f, g in blocks)
    )


def quietly(package: str):
    """Import a package of the time before torch.amp without its deprecation notes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return __import__(package)


@dataclass(frozen=True)
class Part:
    """What has a name in Revoxel: a parameter, or the half of its output channels that makes one piece of a stream."""

    parameter: nn.Parameter
    piece: int | None = None

    def of(self, values: torch.Tensor) -> torch.Tensor:
        return values if self.piece is None else torch.chunk(values, 2, dim=0)[self.piece]


class Level(nn.Module):
    """The step into a level (none at the start of either side) and its sequence of blocks."""

    def __init__(self, step, sequence):
        super().__init__()
        self.step = step
        self.sequence = sequence


class PartiallyReversibleUnet(nn.Module):
    """Channels base * (1, 2, 4, 6, 8); max-pool + 1x1x1 down, 1x1x1 + trilinear up, skips added; logits."""

    def __init__(self, config: Config, make_sequence):
        super().__init__()
        self.named: dict[str, Part] = {}
        c, last = config.channels, config.levels - 1

        def layer(path: str, module, pieces: bool = False):
            for piece in (0, 1) if pieces else (None,):
                for name, p in module.named_parameters():
                    self.named[f"{path}.{name}" if piece is None else f"{path}.{piece}.{name}"] = Part(p, piece)
            return module

        def sequence(path: str, channels: int, count: int):
            def half(name: str) -> Half:
                return layer(f"{path}.{name}.0", Half(channels // 2, config.groups))

            return make_sequence([(half(f"block{i}.f"), half(f"block{i}.g")) for i in range(count)])

        stem = nn.Conv3d(config.in_channels, c[0], 3, padding=1, bias=False)
        self.stem = layer("stem", stem, pieces=True)
        self.encoder = nn.ModuleList()
        for s in range(config.levels):
            down = layer(f"encoder.{s}.down", nn.Conv3d(c[s - 1], c[s], 1), pieces=True) if s > 0 else None
            self.encoder.append(Level(down, sequence(f"encoder.{s}", c[s], config.blocks)))
        self.decoder = nn.ModuleList()
        for s in range(last, -1, -1):
            up = layer(f"decoder.{s}.up", nn.Conv3d(c[s + 1], c[s], 1), pieces=True) if s < last else None
            self.decoder.append(Level(up, sequence(f"decoder.{s}", c[s], config.blocks_decoder)))
        self.head = layer("head", nn.Conv3d(c[0], config.classes, 1))

    def forward(self, x):
        x = self.stem(x)
        skips = []
        for level in self.encoder:
            if level.step is not None:
                # Autocast on a CPU pools in f32 and keeps a copy in f32 for it; nothing is gained by that.
                with torch.autocast("cpu", enabled=False):
                    x = F.max_pool3d(x, 2)
                x = level.step(x)
            x = level.sequence(x)
            skips.append(x)
        skips.pop()
        for level in self.decoder:
            if level.step is not None:
                x = F.interpolate(level.step(x), scale_factor=2, mode="trilinear", align_corners=False)
                x = skips.pop() + x
            x = level.sequence(x)
        return self.head(x)


# Numbers


def initialise(named: dict[str, Part], seed: int) -> None:
    """Revoxel's initial values: normal weights drawn by name, norms one and zero, biases zero.

    He's factor for the convolutions behind an activation (those of F and G), variance 1 / fan for all others.
    """
    with torch.no_grad():
        for name, part in named.items():
            values = part.of(part.parameter)
            if values.dim() == 1:
                values.fill_(1.0 if name.endswith("norm.weight") else 0.0)
                continue
            slope = SLOPE if name.endswith("conv.weight") else 1.0
            std = math.sqrt(2 / ((1 + slope * slope) * math.prod(values.shape[1:])))
            values.copy_(torch.from_numpy(normal(name, values.numel(), std, seed).reshape(values.shape)))


def gradients(named: dict[str, Part]) -> dict[str, torch.Tensor]:
    """Copies by name; parameters without a gradient are left out."""
    found = {name: part for name, part in named.items() if part.parameter.grad is not None}
    return {name: part.of(part.parameter.grad).clone() for name, part in found.items()}


def normal(name: str, count: int, std: float, seed: int) -> np.ndarray:
    """packages/runtime/src/random/initialise.ts: Box-Muller on words (0, 1) and (2, 3) of each Philox block."""
    w = words(-(-count // 2) * 2, (seed, name_key(name)), 0, INITIAL_VALUES).astype(np.float64).reshape(-1, 2)
    radius = std * np.sqrt(-2 * np.log((w[:, 0] + 0.5) / 2**32))
    angle = 2 * np.pi * w[:, 1] / 2**32
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)[:count].astype(np.float32)


def inputs(config: Config) -> tuple[torch.Tensor, torch.Tensor]:
    """Image [1, C, D, H, W] f32 and labels [1, D, H, W] int64 (what torch asks for): white noise, the hard case."""
    image = draw(
        f"bench/memory/image/{config.seed}",
        [1, config.in_channels, *config.patch],
        {"kind": "uniform", "low": -2, "high": 2},
    )
    labels = draw(
        f"bench/memory/labels/{config.seed}",
        [1, *config.patch],
        {"kind": "labels", "classes": config.classes},
    )
    return torch.from_numpy(image.astype(np.float32)), torch.from_numpy(labels.astype(np.int64))


def loss_of(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Revoxel's `diceCrossEntropy`: cross-entropy, mean over voxels, minus the mean soft Dice of the foreground classes."""
    logits = logits.float()
    p = torch.softmax(logits, dim=1)
    smooth, quotients = 1e-5, []
    for c in range(1, logits.shape[1]):
        truth = (labels == c).float()
        both, sums = (p[:, c] * truth).sum(), p[:, c].sum() + truth.sum()
        quotients.append((2 * both + smooth) / (sums + smooth).clamp_min(1e-8))
    return F.cross_entropy(logits, labels) - torch.stack(quotients).mean()
