"""This machine: files written whole or not at all, processors and threads, processes side by side."""
