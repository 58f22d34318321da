"""Madry's MNIST network: two max-pooled convolutions and one wide hidden layer (paper, appendix A.1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aatviz.models.networks.first_conv import GreyConv5x5


class MadryNet(nn.Module):
    """Images (N, *shape) in [0,1] -> logits (N, outputs), without further normalisation, as in Madry et al. (2018).

    `width` is the size of the hidden layer: 1024 in the paper, whose images are (1,28,28).
    """

    def __init__(self, outputs: int, width: int = 1024, shape: tuple[int, int, int] = (1, 28, 28)) -> None:
        super().__init__()
        channels, height, across = shape
        grey = channels == 1 and height % 2 == 0 and across % 2 == 0
        self.conv1 = GreyConv5x5(32) if grey else nn.Conv2d(channels, 32, 5, padding=2)
        self.conv2 = nn.Conv2d(32, 64, 5, padding=2)
        self.hidden = nn.Linear(64 * (height // 4) * (across // 4), width)
        self.out = nn.Linear(width, outputs)
        self.to(memory_format=torch.channels_last)  # the layout in which a CPU convolves fastest

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.max_pool2d(self.conv1(x), 2))  # ReLU after the pooling: the same values, a quarter of the work
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return self.out(F.relu(self.hidden(x.flatten(1))))
