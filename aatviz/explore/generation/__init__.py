"""Images out of noise: what generation runs, what it holds, and its picture."""
