"""This machine: processes, and what runs in them."""
