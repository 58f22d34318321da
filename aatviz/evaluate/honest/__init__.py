"""The honest protocol: its attacks (`protocol`), its sweeps, its verdict, and the evaluation of all of it (`run`)."""
