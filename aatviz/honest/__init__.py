"""The honest protocol: its victims, its attacks, its sweeps, and what its scores say. `aatviz.evaluate.honest` runs it."""
