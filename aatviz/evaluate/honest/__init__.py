"""The honest protocol: its victims, its attacks, its sweeps, what its scores say, and the run of it all (`run`)."""
