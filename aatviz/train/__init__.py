"""Training: `python -m aatviz.train RECIPE`, the same as `aatviz train RECIPE`."""
