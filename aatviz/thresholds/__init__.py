"""What a threshold T buys and what it costs, from stored logits; and choosing T from held-out data."""
