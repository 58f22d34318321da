"""Digits of the visitor's own: drawn, uploaded, or in a link."""
