"""A fully invertible U-Net of the package `iunets`, between the same stem and head: another network of like width.

One level fewer than the partially reversible net and twice its block count in single couplings (two make a double
block), so base 60 and five levels give widths 60, 120, 240, 480.

Source: Etmann, Ke, Schoenlieb 2020 (arXiv 2005.05220).
"""

import torch
from torch import nn

from network import Config, Part, quietly


class InvertibleUnet(nn.Module):
    def __init__(self, config: Config, invert: bool):
        super().__init__()
        if config.blocks != config.blocks_decoder:
            raise ValueError("an iUNet has the same number of blocks on both sides")
        torch.manual_seed(config.seed)
        self.stem = nn.Conv3d(config.in_channels, config.base, 3, padding=1, bias=False)
        self.body = quietly("iunets").iUNet(
            in_channels=config.base,
            architecture=(2 * config.blocks,) * (config.levels - 1),
            dim=3,
            disable_custom_gradient=not invert,
            verbose=0,
        )
        self.head = nn.Conv3d(config.base, config.classes, 1)
        # The package starts the last norm of each coupling at zero, where half of the gradients vanish: nothing to compare.
        for module in self.body.modules():
            if isinstance(module, nn.GroupNorm):
                nn.init.ones_(module.weight)
        self.named = {name: Part(p) for name, p in self.named_parameters()}

    def forward(self, x):
        return self.head(self.body(self.stem(x)))
