"""What the Playground shows: models of points of the plane, their landscapes, what they accept, and attacks on them."""
