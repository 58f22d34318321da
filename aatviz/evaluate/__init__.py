"""A system and an evaluation recipe -> a result record, in parts that run side by side and survive an interruption.

kind       the type of all kinds of evaluation
engine     parts, chunks, files: what all kinds have in common
detectors, robust_logits, stages, systems, side_by_side, distortion, real_images, honest.run, honest.thorough
           one kind each: its scores and its numbers
images     the test images that are attacked, and the types of stored scores
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
