"""How much memory a row will need, before it is run: counted from what each peer stores, rounded up.

Only good for leaving out rows that would not fit. Not a result: results are measured (measure.py). Every row carries
both numbers, so that a drift between them shows.
"""

import math

from network import Config

MARGIN = 1.15
LIBRARIES = 100e6


def peak_bytes(name: str, config: Config) -> float:
    """Growth of resident memory in a step, gradients of the parameters included."""
    inverted_unet = name.startswith("iunets")
    size = 2 if config.precision == "bf16" else 4
    voxels = [math.prod(config.patch) / 8**s for s in range(config.levels)]
    # One stream at full resolution, and all levels' together.
    top = config.base * voxels[0] * size
    channels = [config.base * 2**s for s in range(config.levels - 1)] if inverted_unet else config.channels
    levels = sum(c * v for c, v in zip(channels, voxels)) * size
    n, sides = config.blocks + config.blocks_decoder, 2

    # Per block: input of the norm and of the convolution, for F and for G. Per sequence: its result, and half of its input
    # kept alive by a view of the other half. Indices of the pooling, pooled inputs, gradients and temporaries at the top.
    stored = {
        "keep": 2 * n * levels + 1.5 * sides * levels + 2.5 * top,
        "checkpoint": (n + sides) * levels + 3.5 * top,
        "revtorch": sides * levels + 5 * top,
        "memcnn": sides * levels + 6 * top,
        "iunets-keep": 3 * n * levels + 6.5 * top,
        "iunets": 8 * top,
    }[name]
    weights = n * sum(27 * c * c / 2 for c in channels)
    return MARGIN * stored + weights * (6 if config.precision == "bf16" else 4) + LIBRARIES
