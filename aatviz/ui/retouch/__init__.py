"""The Retouch page."""
