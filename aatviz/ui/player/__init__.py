"""The attack player: a view in the browser that scrubs through the path of one or two attacks."""
