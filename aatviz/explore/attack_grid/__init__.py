"""Each class towards each class on several models: what a grid of attacks runs, and what it holds."""
