"""The HTML, CSS and JavaScript files of our own views; they lie beside the Python files."""

from importlib.resources import files


def read_assets(*names: str) -> str:
    """The content of these files, named by their paths below aatviz/ui, one after the other."""
    return "\n".join(files("aatviz.ui").joinpath(name).read_text(encoding="utf-8") for name in names)
