"""The browser's part of our own views: the HTML, CSS and JavaScript files that lie beside them."""

from importlib.resources import files


def read_assets(*names: str) -> str:
    """The files of these names, below this folder, one after the other."""
    return "\n".join(files("aatviz.ui").joinpath(name).read_text(encoding="utf-8") for name in names)
