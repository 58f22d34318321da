"""What the pages show, as library calls."""
