"""What the pages show, as library calls: one attack's path, a grid of attacks, generation, one detector."""
