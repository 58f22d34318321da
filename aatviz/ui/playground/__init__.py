"""The Playground page: networks of points of the plane, trained side by side while one watches."""
