"""Write the tables of docs/ that come from code and from stored measurements: python -m tools.update_docs [--check]"""

import ast
import inspect
import itertools
from typing import Any
from urllib.parse import urlencode

from aatviz.metrics.format import markdown_table
from aatviz.recipes.plane import PlaneSettings
from aatviz.runtime.files import read_json
from aatviz.ui.common import glossary, plane_results
from aatviz.ui.lessons.plane import EXERCISE
from aatviz.ui.session import limits
from benchmarks import reproduction
from tools import layers
from tools.marked import ROOT, bring_up_to_date

CLASSROOM = ROOT / "benchmarks" / "results" / "classroom.json"
ROWS = (
    ("alone", "press to result, median", "one visitor alone, press to result, s"),
    ("class", "done", "thirty visitors press at once: done"),
    ("class", "median", "half of them have their result after, s"),
    ("class", "last", "the last one after, s"),
    ("class", "page change p50", "somebody else changes pages meanwhile: median, s"),
    ("class", "page change p95", "nineteen of twenty such changes take at most, s"),
    ("hundred", "done", "a hundred visitors press at once: done"),
    ("hundred", "median", "half of them have their result after, s"),
    ("hundred", "last", "the last one after, s"),
    ("hundred", "page change p95", "nineteen of twenty page changes of somebody else meanwhile take at most, s"),
    ("browsers", "done", "five real browsers on the same machine press at once: done"),
    ("browsers", "last", "the last of them after, s"),
    ("long", "the single attack", "one attack while a comparison of 100 pairs runs, s"),
)
"""Scenario, what was measured, and its words."""


def main() -> None:
    parts = {
        "docs/deployment.md": {"limits": limits_table(), "classroom": classroom()},
        "docs/teaching.md": {"classroom": classroom(), "exercise": exercise()},
        "docs/glossary.md": {"terms": terms()},
        "docs/cluster.md": {"costs": reproduction.table()},
    }
    bring_up_to_date("python -m tools.update_docs", parts, {"docs/pictures/layers.svg": layers.picture()})


def terms() -> str:
    """Every word of the app's tooltips, in the order of the alphabet."""
    rows = [[f"**{term}**", glossary.tip(term)] for term in sorted(glossary.TERMS, key=str.casefold)]
    return markdown_table([["word", "meaning"], *rows])


def limits_table() -> str:
    """Every limit: its variable, default, range, and what it is."""
    rows = [["variable", "default", "possible", "what"]]
    words = _words(limits.Limits)
    for name, field in limits.Limits.__dataclass_fields__.items():
        span = field.metadata.get("range")
        possible = "0 or 1" if span is None else f"{span[0]:g} to {span[1]:,g}"
        default = str(int(field.default)) if span is None else f"{field.default:g}"
        default = "by the cores" if name == "workers" else default
        rows.append([f"`{limits.PREFIX}{name.upper()}`", default, possible, words[name]])
    return markdown_table(rows)


def classroom() -> str:
    """What `python -m benchmarks.classroom` has stored."""
    if not CLASSROOM.is_file():
        return ""
    stored = read_json(CLASSROOM)
    versions = list(stored)
    rows = [["measured", *versions]]
    for scenario, key, words in ROWS:
        rows.append([words, *(_cell(stored[version], scenario, key) for version in versions)])
    now = stored[versions[-1]]
    text = (
        f"Measured on an idle {now['machine']} ({now['date']}, streamlit {now['versions']['streamlit']}): each visitor runs "
        "a targeted attack of 100 steps on a digit of their own, on two classifiers side by side "
        "(`python -m benchmarks.classroom`). *before*: version 0.1.0, one worker as a thread of the server, and garbage "
        "collected after every look at a run; there every visitor, and the one who changed pages, had given up when nothing "
        "new had come for 90 s."
    )
    short = (
        f"So on this machine a class of {now['class']['visitors']} waits {now['class']['last']:g} s at most when all press "
        f"at once, and a hundred wait {now['hundred']['last']:g} s. More cores have more "
        "workers (`AATVIZ_WORKERS`); that was not measured."
    )
    parts = [text, "", markdown_table(rows), "", short]
    if soak := now.get("soak"):
        parts += [
            "",
            "Memory and errors, for which the machine need not be idle: ten visitors at a time, "
            f"{soak['sessions in all']} in all in {soak['minutes']:g} minutes, on every page: "
            f"memory {soak['MB after minute 5']} MB after minute 5 and {soak['MB at the end']} MB at the end "
            f"({soak['growth after minute 5']}), {len(soak['errors'])} errors.",
        ]
    return "\n".join(parts)


def exercise() -> str:
    """The link of the exercise on the Playground, and what `python -m benchmarks.plane` has stored about its question."""
    result = plane_results.stored()
    if result is None:
        return ""
    shares = sorted({row["anywhere"] for row in result["rows"]})
    found = [plane_results.row(result, "moons", "shared", PlaneSettings(anywhere=share)) for share in shares]
    rows = [row for row in found if row]
    table = [["negatives from anywhere", "far points accepted", "AUC under attack", "noise that climbs onto the data"]]
    for row in rows:
        far, auc, climbed = (plane_results.mean(row[name]) for name in ("far", "auc", "climbed"))
        table.append([f"{row['anywhere']:.0%}", f"{far:.1%}", f"{auc:.3f}", f"{climbed:.0%}"])
    attack = result["attack"]
    how = (
        f"What comes out (means over {rows[0]['seeds']} trainings; eps {attack['eps']:g}, {attack['steps']} steps, "
        f"{result['negatives']} negatives a class; `{plane_results.COMMAND}`):"
    )
    link = f"http://192.168.1.20:8501/playground?{urlencode(EXERCISE, safe=',')}"
    return "\n".join(["```", link, "```", "", how, "", markdown_table(table)])


def _cell(version: dict[str, Any], scenario: str, key: str) -> str:
    found = version.get(scenario, {}).get(key)
    return "" if found is None else f"{found:g}"


def _words(cls: type) -> dict[str, str]:
    """The docstring under each field."""
    body = ast.parse(inspect.getsource(cls)).body[0].body  # type: ignore[attr-defined]
    found = {}
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(field.target)] = " ".join(str(text.value.value).split())
    return found


if __name__ == "__main__":
    main()
