"""A visitor's own picture: made ready as the data set's own samples were, and as text for a link."""
