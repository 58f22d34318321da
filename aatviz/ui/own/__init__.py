"""Images of the visitor's own: drawn, photographed, uploaded, or in a link."""
