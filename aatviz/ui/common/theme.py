"""One colour per meaning, each with a second mark (dash, symbol or word), so that colour is never the only difference.

The colours are Okabe and Ito's (2008). They can be told apart with every kind of colour blindness, on a light and on a dark
page.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """How one meaning is drawn in all figures."""

    label: str
    colour: str
    dash: str
    """A plotly line dash."""
    symbol: str
    """A plotly marker symbol."""


NATURAL = Meaning(label="natural", colour="#0072B2", dash="solid", symbol="circle")
PERTURBED = Meaning(label="perturbed", colour="#D55E00", dash="dash", symbol="diamond")
FOOLED = Meaning(label="fooled", colour="#CC79A7", dash="dot", symbol="x")
REJECTED = Meaning(label="rejected", colour="#009E73", dash="dashdot", symbol="square")
THRESHOLD = Meaning(label="threshold T", colour="#B8860B", dash="longdash", symbol="line-ns")

GENERATIVE = Meaning(label="generative classifier", colour="#0072B2", dash="solid", symbol="circle")
INTEGRATED = Meaning(label="integrated classifier", colour="#56B4E9", dash="dash", symbol="triangle-up")
ROBUST = Meaning(label="robust classifier", colour="#E69F00", dash="dot", symbol="star")
PAPER = Meaning(label="the paper", colour="#808080", dash="dot", symbol="line-ew")
