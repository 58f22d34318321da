"""The attack engine against other libraries on the same detectors: python -m benchmarks.peers (see `__main__`)."""
