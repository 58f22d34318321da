"""The Attack page's "reproduce this" for a bundled digit: its commands and its Python give the numbers on screen."""

import contextlib
import io
import re
import shlex
import time
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from aatviz import cli
from aatviz.explore.attack_path import Trace

PAGE = Path(__file__).parents[2] / "pages" / "attack.py"
LINKS = {
    "the generative and the robust classifier": {"digit": "4", "target": "9", "steps": "3", "step_size": "0.05"},
    "a detector, with restarts": {
        "victim": "detector",
        "detector": "5",
        "compare": "0",
        "steps": "3",
        "random_start": "1",
        "restarts": "2",
        "seed": "7",
    },
    "the integrated classifier, L2": {
        "victim": "integrated",
        "goal": "untargeted",
        "compare": "0",
        "norm": "L2",
        "eps": "2",
        "step_size": "0.5",
        "steps": "3",
        "optimizer": "steepest",
    },
}


def shown_traces(app: AppTest) -> list[Trace]:
    """Press Attack and wait; what the player then shows."""
    next(button for button in app.button if button.label == "Attack").click().run()
    limit = time.monotonic() + 60
    while "attack.running" in app.session_state and time.monotonic() < limit:
        time.sleep(0.05)
        app.run()
    assert not app.exception
    traces: list[Trace] = app.session_state["attack.shown"].value
    return traces


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS.keys())
def test_the_printed_commands_and_python_give_the_numbers_on_screen(link: dict[str, str], tiny_system_folder: Path) -> None:
    st.cache_resource.clear()
    st.cache_data.clear()
    app = AppTest.from_file(PAGE, default_timeout=60)
    app.session_state["app.sent-to-frame"] = True  # no frame around the page: it stands alone here
    app.query_params.update(link)
    traces = shown_traces(app.run())
    shell = [block.value for block in app.code if block.language == "bash"]
    python = [block.value for block in app.code if block.language == "python"]
    assert len(shell) == len(python) == len(traces)
    for trace, command, code in zip(traces, shell, python, strict=True):
        wanted = trace.z_h[trace.kept].tolist()
        printed = CliRunner().invoke(cli.app, shlex.split(command)[1:])
        assert printed.exit_code == 0, printed.output
        assert f"perturbation: Linf {trace.linf:.4f}, L2 {trace.l2:.4f}" in printed.stdout
        rows = re.findall(r"^ +\d  .* -> +(\S+)$", printed.stdout, re.MULTILINE)
        assert [float(row) for row in rows] == pytest.approx(wanted, abs=2e-4)

        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(code, {})
        first, _, logits = output.getvalue().partition("tensor")
        kept, linf, l2 = (float(number) for number in first.split())
        assert (int(kept), linf, l2) == (trace.kept, pytest.approx(trace.linf), pytest.approx(trace.l2))
        assert [float(number) for number in re.findall(r"-?\d+\.\d+", logits)] == pytest.approx(wanted, abs=2e-4)
