"""The benchmark of the engine's choices compares like with like: each choice and its alternative give the same numbers."""

import pytest
import torch

import aatviz
from aatviz.runtime import hardware
from benchmarks import choices


@pytest.mark.slow
def test_what_is_in_use_and_its_alternative_agree() -> None:
    x, y = aatviz.load_data("mnist", split="sample")
    pairs = choices.alternatives(x, y)
    for name, (_, used, other) in pairs.items():
        if "strongest" in name:  # fewer rows go backward, which is the point
            continue
        found, expected = (torch.stack(result) if isinstance(result, list) else result for result in (used(0), other(0)))
        assert isinstance(found, torch.Tensor)
        assert isinstance(expected, torch.Tensor)
        alike = torch.cosine_similarity(found.float().flatten(), expected.float().flatten(), dim=0)
        assert alike > 0.99, name  # in half precision some maxima of a pooling are others
    assert len(pairs) == 6 + hardware.fast_bf16("cpu")


def test_the_strongest_detector_is_that_of_the_loss() -> None:
    z_h = torch.tensor([[3.0, 2.0, 1.0], [0.0, 5.0, 4.0]])
    expected = torch.tensor([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
    assert torch.equal(choices._strongest(z_h, torch.tensor([0, 1])), expected)
