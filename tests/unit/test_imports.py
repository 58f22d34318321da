"""The layers: the library never loads the web app's packages, and imports only go downwards."""

import ast
import importlib
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import aatviz
from tools.layers import LAYERS

PACKAGE = Path(aatviz.__file__).parent
ROOT = PACKAGE.parent
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
ENTRY_POINTS = {"aatviz.train.__main__"}
"""`python -m aatviz.train` is the command line under another name."""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room(module: str) -> str:
    """The folder of aatviz/, or of ui/, that a module stands in: "attacks", "ui.player"; "ui", "aatviz" for one in none."""
    _, *folders = (module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]).split(".")
    return ".".join(folders[: 2 if folders[:1] == ["ui"] else 1]) or "aatviz"


UI = {name for name in FILES if room(name).startswith("ui")}
LIBRARY = [name for name in FILES if name not in UI and not name.endswith("__main__")]
SLOW = {"streamlit", "plotly", "torchvision", "scipy", "sklearn", "ray"}
"""What takes a second to load: it is loaded where it is needed."""


@pytest.mark.slow
def test_a_fresh_process_with_the_whole_library_has_loaded_nothing_that_is_slow_and_said_nothing() -> None:
    code = f"import sys, {', '.join(LIBRARY)}; assert not {SLOW} & set(sys.modules)"
    found = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@pytest.mark.slow
def test_no_visitor_meets_a_library_that_another_ones_thread_is_still_loading() -> None:
    """Plotly looks into pandas as soon as its name is there; scikit-learn loads it, where an AUC is needed first."""
    code = "import sys; from aatviz.ui.session import caches; caches.start_up(); sys.modules['pandas'].Series"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert found.returncode == 0, found.stderr


def imports(path: Path) -> set[str]:
    """All modules that a file imports, wherever in it; of our own, the module that a name comes from."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            assert node.module is not None
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & FILES.keys()
            found |= submodules if len(submodules) == len(node.names) else submodules | {node.module}
    return found


def test_every_room_has_a_layer_and_every_module_a_room() -> None:
    assert {room(module) for module in FILES} == RANK.keys()
    assert [name for name in FILES if room(name) == "aatviz"] == ["aatviz"]


@pytest.mark.parametrize("module", [name for name in FILES if name not in ENTRY_POINTS])
def test_imports_go_downwards_only(module: str) -> None:
    for used in imports(FILES[module]):
        if used == "aatviz" or used.startswith("aatviz."):
            own = room(used) == room(module)
            assert own or RANK[room(used)] < RANK[room(module)], f"{module} imports {used}"


def test_there_is_no_cycle() -> None:
    graph = {
        name: {used for used in imports(path) if used in FILES and used != name}
        for name, path in FILES.items()
        if name not in ENTRY_POINTS
    }
    list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("module", [name for name in FILES if name not in UI])
def test_only_the_ui_imports_streamlit_and_plotly(module: str) -> None:
    assert not {used.split(".")[0] for used in imports(FILES[module])} & {"streamlit", "plotly"}


def test_all_public_names_are_there() -> None:
    for name in aatviz.__all__:
        assert hasattr(aatviz, name)


def printed_imports() -> set[tuple[str, str]]:
    """The modules, and the names from them, that printed Python imports: what the package's strings that are code say."""
    texts = (
        node.value
        for path in FILES.values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    lines = (line for text in texts for line in re.findall(r"^from (aatviz[\w.]*) import ?([\w, ]*)", text, re.MULTILINE))
    return {(module, name.strip()) for module, names in lines for name in names.split(",")}


def test_printed_python_imports_what_the_documentation_calls_public() -> None:
    found = printed_imports()
    usage = (ROOT / "docs" / "usage.md").read_text(encoding="utf-8")
    listed = usage.partition("What the pages print as Python imports")[2].partition("These names stay.")[0]
    assert {module for module, _ in found} == set(re.findall(r"`(aatviz\.[\w.]+)`", listed))
    for module, name in found:
        assert not name or hasattr(importlib.import_module(module), name) or f"{module}.{name}" in FILES
