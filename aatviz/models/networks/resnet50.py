"""torchvision's ResNet-50 (He et al., 2015): the network of the paper's dog detector."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue pixels."""


class ResNet50(nn.Module):
    """Images (N, *shape) in [0,1] of any size -> logits (N, outputs): 23.5 million weights and a last layer.

    At 3 x 224 x 224 an image takes 4.1 billion multiply-adds. Images of one or two channels count as grey ones: the mean of
    their channels is all three colours. `blocks` has the bottleneck blocks of every stage, and `width` the channels inside
    those of the first one; weights for ImageNet have the usual ones.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self, shape: tuple[int, int, int], outputs: int, blocks: Sequence[int] = (3, 4, 6, 3), width: int = 64
    ) -> None:
        from torchvision.models.resnet import Bottleneck, ResNet  # here: loading it takes a second

        super().__init__()
        self.grey = shape[0] < len(MEAN)
        self.trunk = ResNet(Bottleneck, list(blocks), width_per_group=width)
        self.out = nn.Linear(self.trunk.fc.in_features, outputs)
        self.trunk.fc = nn.Identity()
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("spread", torch.tensor(SPREAD)[:, None, None], persistent=False)
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        x = x.mean(1, keepdim=True) if self.grey else x
        return self.out(self.trunk(((x - self.mean) / self.spread).contiguous(memory_format=torch.channels_last)))
