"""Images as pictures of crisp squares."""

import numpy as np
from PIL import Image
from torch import Tensor


def enlarged(image: Tensor, factor: int) -> Image.Image:
    """The image (28,28) in [0,1] as a picture whose pixels are crisp squares of `factor` screen pixels."""
    grey = (image.clamp(0, 1) * 255).round().byte().numpy()
    return Image.fromarray(np.kron(grey, np.ones((factor, factor), np.uint8)))
