"""A package, so that its files may bear the names of those in other test folders."""
