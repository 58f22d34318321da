"""A system and an evaluation recipe -> a result record, in parts that run side by side and survive an interruption.

kind       the object that each kind of evaluation is
engine     parts, chunks, files: what all kinds have in common
detectors, systems, side_by_side, distortion, real_images, honest   what each computes, and makes of the scores
images     the test images that are attacked, and what scores are kept in
attacking  one attack on one chunk
speed      how long it will take
cost       counts forward and backward passes
"""

from aatviz.evaluate.engine import cost, finish, lacks, parts, refresh, run_part, stored, tidy
from aatviz.evaluate.images import evenly

__all__ = [
    "cost",
    "evenly",
    "finish",
    "lacks",
    "parts",
    "refresh",
    "run_part",
    "stored",
    "tidy",
]
