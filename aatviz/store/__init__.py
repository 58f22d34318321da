"""What is kept on disk: weights, systems with their cards, and results."""
