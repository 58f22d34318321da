"""Training: how much of the engine's speed it keeps, and how soon a recipe reaches the paper's AUC (see `__main__`)."""
