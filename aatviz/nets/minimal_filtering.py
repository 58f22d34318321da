"""A convolution with fewer multiplications: minimal filtering F(m, r) along the height (Winograd; Lavin and Gray, 2016).

m rows of the output take m x r products a column the direct way, and m + r - 1 this way: for the 5 x 5 kernel on 14 rows
of Madry's network 11 instead of 35. One matrix product transforms the rows of the input, m + r - 1 convolutions along the
width multiply them (for few images, products of matrices), and another matrix product puts the rows of the output together.
The gradient with respect to the input goes the same way back. What is lost is a digit of float32's precision, which bfloat16
does not have to give.
"""

from collections.abc import Callable, Sequence
from functools import cached_property, partial

import torch
import torch.nn.functional as F
from torch import Tensor

POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 1.5, -2 / 3, 0.25)
"""Where the polynomials of F(7, 5) are evaluated, chosen for a small error; infinity comes on top."""

MANY = 32
"""From so many images on, convolutions along the width are faster than matrix products of windows."""


class MinimalFiltering:
    """The convolution with a weight (O,I,R,R), R odd, padding R // 2 and no bias, of inputs (N,I,H,W) whose height H is a
    multiple of m = len(POINTS) + 2 - R."""

    def __init__(self, weight: Tensor, height: int) -> None:
        self.weight = weight
        size = weight.shape[-1]
        rows = len(POINTS) + 2 - size
        if height % rows:
            raise ValueError(f"The height has to be a multiple of {rows}, for a kernel of {size}; it is {height}.")
        data, self._filter, output = transforms(POINTS, rows, size)
        self._data = _on_tiles(data, height, rows, size // 2).to(weight)
        same_tile = torch.eye(height // rows).to(output)
        self._output = torch.einsum("pa,st->spat", output, same_tile).reshape(height, -1).to(weight)

    @cached_property
    def _kernels(self) -> Tensor:
        """One kernel along the width (O,I,1,R) for each product."""
        return torch.einsum("pr,oirs->pois", self._filter, self.weight.double()).to(self.weight).unsqueeze(3)

    @cached_property
    def _matrices(self) -> tuple[Tensor, Tensor]:
        """The same for windows of the width, (P,R x I,O), and those of the gradient, (P,R x O,I)."""
        return _of_windows(self._kernels), _of_windows(_turned(self._kernels))

    def forward(self, x: Tensor) -> Tensor:
        """(N,I,H,W) -> (N,O,H,W), in channels_last."""
        many = len(x) >= MANY
        multiply = partial(_by_convolutions, self._kernels) if many else partial(_by_windows, self._matrices[0])
        return _filtered(x, self._data, multiply, self._output)

    def backward(self, grad: Tensor) -> Tensor:
        """The gradient (N,I,H,W) with respect to the input, from that with respect to the output (N,O,H,W)."""
        many = len(grad) >= MANY
        multiply = partial(_by_convolutions, _turned(self._kernels)) if many else partial(_by_windows, self._matrices[1])
        return _filtered(grad, self._output.T, multiply, self._data.T)


def transforms(points: Sequence[float], rows: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The matrices of F(rows, size) for a = rows + size - 1 products, in float64: data (a, a), filter (a, size) and output
    (rows, a), such that output @ ((filter @ g) * (data @ d)) is the correlation of d (a,) with g (size,).

    Toom and Cook multiply polynomials by their values at a points, one of them infinity; a correlation is the transpose of
    that product. Each row of `data` is scaled to a largest entry of 1, and that of `filter` the other way.
    """
    products = rows + size - 1
    data = torch.linalg.inv(_values(points, products)).T
    scale = data.abs().amax(1, keepdim=True)
    return data / scale, _values(points, size) * scale, _values(points, rows).T


def _values(points: Sequence[float], terms: int) -> Tensor:
    """What turns the coefficients of a polynomial (terms,) into its values at the points and at infinity."""
    powers = torch.tensor(points, dtype=torch.float64)[:, None] ** torch.arange(terms)
    return torch.cat([powers, F.one_hot(torch.tensor([terms - 1]), terms).to(powers)])


def _on_tiles(data: Tensor, height: int, rows: int, padding: int) -> Tensor:
    """The data transform of all tiles of `rows` output rows at once: (a x tiles, height)."""
    padded = data.new_zeros(len(data), height // rows, height + 2 * padding)
    for tile in range(height // rows):
        padded[:, tile, tile * rows : tile * rows + len(data)] = data
    return padded[:, :, padding : padding + height].reshape(-1, height)


def _filtered(x: Tensor, first: Tensor, multiply: Callable[[Tensor], Tensor], second: Tensor) -> Tensor:
    """`multiply` takes what each product needs of the input, (P,tiles x N,W,I), to (P,tiles x N,W,O)."""
    n, channels, height, width = x.shape
    rows = (first @ x.permute(2, 0, 3, 1).reshape(height, -1)).view(len(POINTS) + 1, -1, width, channels)
    result = (second @ multiply(rows).view(len(first), -1)).view(len(second), n, width, -1)
    return result.permute(1, 3, 0, 2).contiguous(memory_format=torch.channels_last)


def _by_convolutions(kernels: Tensor, rows: Tensor) -> Tensor:
    """With kernels (P,O,I,1,R)."""
    products = rows.new_empty(*rows.shape[:3], kernels.shape[1])
    padding = (0, kernels.shape[4] // 2)
    for place, (row, kernel) in enumerate(zip(rows.unsqueeze(2), kernels, strict=True)):
        products[place] = F.conv2d(row.permute(0, 3, 1, 2), kernel, padding=padding)[:, :, 0].transpose(1, 2)
    return products


def _by_windows(matrices: Tensor, rows: Tensor) -> Tensor:
    """With matrices (P,R x I,O)."""
    products, count, width, channels = rows.shape
    size = matrices.shape[1] // channels
    windows = F.pad(rows, (0, 0, size // 2, size // 2)).unfold(2, size, 1).transpose(3, 4)
    return torch.bmm(windows.reshape(products, count * width, -1), matrices)


def _of_windows(kernels: Tensor) -> Tensor:
    """Kernels (P,O,I,1,R) as matrices (P,R x I,O)."""
    return kernels.squeeze(3).permute(0, 3, 2, 1).flatten(1, 2).contiguous()


def _turned(kernels: Tensor) -> Tensor:
    """The kernels of the gradient: (P,O,I,1,R) -> (P,I,O,1,R)."""
    return kernels.transpose(1, 2).flip(4)
