"""Many visitors at once: how long each waits, and what the pages of the others feel."""
