"""The Learn page, and the lessons on the other pages."""
