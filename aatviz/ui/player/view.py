"""The attack player: one view in the browser, which gets the whole path of one or two attacks and plays it."""

import base64
import hashlib
from typing import Any

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from aatviz.data import Dataset
from aatviz.explore.attack_path import Trace
from aatviz.models.decisions import REJECTING, VictimName, decide
from aatviz.store.systems import System
from aatviz.ui.common import theme
from aatviz.ui.common.assets import read_assets
from aatviz.ui.common.classes import a, dataset_of, leading
from aatviz.ui.common.pictures import channels
from aatviz.ui.common.url import UrlState

T_LIMITS = (-20.0, 20.0)
"""The range of the threshold's slider."""
MOST_LINES = 12
"""The most classes whose logits the chart shows: of more, those that play a part in the attack, and the highest ones."""
MOST_VALUES = 2_000_000
"""The most pixel values, of all iterates together, that a column sends to the browser; each has 16 bits."""
PICTURES = ("Original", "Perturbed", "Perturbation")
"""The headings of a column's three pictures."""
VICTIM_TITLES: dict[VictimName, str] = {
    "generative": "Generative classifier",
    "integrated": "Integrated classifier",
    "robust": "Robust classifier",
    "natural": "Natural classifier",
    "detector": "Base detector",
}
VICTIM_COLOURS: dict[VictimName, str] = {
    "generative": theme.GENERATIVE.colour,
    "integrated": theme.INTEGRATED.colour,
    "robust": theme.ROBUST.colour,
    "natural": theme.FOOLED.colour,
    "detector": theme.GENERATIVE.colour,
}


_VIEW = st.components.v2.component(  # registered once: this module is imported once a process
    "aatviz.attack_player",
    html=read_assets("player/player.html"),
    css=read_assets("player/player.css", "player/chart.css"),
    js=read_assets("player/player.js", "player/playback.js", "player/column.js", "player/drawing.js"),
)


def show_player(
    system: System,
    traces: list[Trace],
    abouts: list[str],
    state: UrlState,
    key: str,
    pictures: tuple[str, str, str] = PICTURES,
) -> None:
    """Draw the player for traces of one image, one column each, with a line about each, and headings for its pictures.

    T is the page's parameter of that name. It is updated whenever the slider is let go, unless a lesson locks or hides it.
    """

    def moved() -> None:
        told = min(max(float(st.session_state[key]["T"]), T_LIMITS[0]), T_LIMITS[1])
        st.session_state[state.key("T")] = round(told, 4)

    lesson = {"locked": state.widget("T")["disabled"], "hidden": state.hidden("T")}
    shown = player_data(system, traces, abouts, state["T"]) | {"pictures": pictures}
    _VIEW(data=shown | lesson, key=key, on_T_change=moved)


def player_data(system: System, traces: list[Trace], abouts: list[str], threshold: float) -> dict[str, Any]:
    """All data that the browser needs. `id` changes with the traces only, not with T."""
    known = dataset_of(system)
    columns = [_column(system, known, trace, about) for trace, about in zip(traces, abouts, strict=True)]
    shown = [column["images"] + column["logits"] + column["about"] for column in columns]
    return {
        "id": hashlib.sha256("".join(shown).encode()).hexdigest()[:16],
        "T": threshold,
        "limits": T_LIMITS,
        **told_once(known),
        "y": traces[0].y,
        "columns": columns,
        "colours": colours(),
    }


def told_once(known: Dataset) -> dict[str, Any]:
    """The facts about the data set that a view in the browser needs."""
    count, height, width = known.shape
    shape = {"channels": count, "height": height, "width": width}
    return {"shape": shape, "names": known.classes, "withArticle": [a(name) for name in known.classes]}


def colours() -> dict[str, Any]:
    """The colours of the views by meaning; those of a perturbation's two signs as numbers for red, green and blue."""
    meanings = {
        "natural": theme.NATURAL,
        "perturbed": theme.PERTURBED,
        "fooled": theme.FOOLED,
        "rejected": theme.REJECTED,
        "threshold": theme.THRESHOLD,
    }
    signs = {"negative": channels(theme.NATURAL.colour), "positive": channels(theme.PERTURBED.colour)}
    return {name: meaning.colour for name, meaning in meanings.items()} | signs


def decisions(system: System, trace: Trace) -> tuple[Tensor, Tensor | None]:
    """The victim's class at every step (S+1,), and the logit that is compared with T (S+1,); None where it cannot reject."""
    victim = trace.settings.victim
    priors = system.generative.priors if victim == "generative" else None
    logits, detector = {"f": trace.z_f, "h": trace.z_h, "r": trace.z_r}, trace.settings.detector
    column = None if detector is None else system.detectors.column(detector)
    label, score = decide(victim, logits, priors=priors, detector=column)
    label = label if detector is None else torch.full_like(label, detector)
    return label, score if victim in REJECTING else None


def victim_logits(trace: Trace) -> Tensor:
    """The logits (S+1,K) that the chart shows: the detectors', or those of the classifier that is attacked."""
    return {"robust": trace.z_r, "natural": trace.z_f}.get(trace.settings.victim, trace.z_h)


def towards(trace: Trace) -> tuple[int, str]:
    """The class whose logit the attack raises, and what to call it: its target, or else the strongest wrong class."""
    settings = trace.settings
    if settings.victim == "detector" and settings.detector is not None:
        return settings.detector, "attacked detector"
    if settings.target is not None:
        return settings.target, "target"
    others = victim_logits(trace)[trace.kept].clone()
    others[trace.y] = -np.inf
    return int(others.argmax()), "wrong class"


def _column(system: System, known: Dataset, trace: Trace, about: str) -> dict[str, Any]:
    settings = trace.settings
    label, score = decisions(system, trace)
    goal, goal_label = towards(trace)
    symbol = {"robust": "z_robust(x')", "natural": "z_f(x')"}.get(settings.victim, "z(h_k(x'))")
    title, logits = VICTIM_TITLES[settings.victim], victim_logits(trace)
    if logits is trace.z_h:  # of a bank that lacks detectors, each column goes to its class
        bank = list(system.detectors.classes)
        logits = logits.new_full((len(logits), len(known.classes)), -np.inf).index_copy(1, torch.tensor(bank), logits)
    else:
        bank = list(range(logits.shape[1]))
    named = {trace.y, goal, *label[[0, trace.kept, -1]].tolist()}
    shown = leading(logits.max(0).values.tolist(), tuple(named), MOST_LINES)
    frames = _frames(trace)
    return {
        "key": settings.victim,
        "title": title if settings.detector is None else f"{title} {known.classes[settings.detector]}",
        "about": about,
        "colour": VICTIM_COLOURS[settings.victim],
        "natural": pack16(trace.natural),
        "images": pack16(trace.images[frames]),
        "frames": frames,
        "lines": [k for k in shown if k in bank],
        "logits": base64.b64encode(logits.numpy().astype("<f4").tobytes()).decode(),
        "logitName": f"{'detector logit' if symbol.startswith('z(h') else 'logit'} {symbol}",
        "predicted": label.tolist(),
        "score": None if score is None else score.tolist(),
        "rejects": score is not None,
        "detector": settings.detector,
        "towards": goal,
        "towardsLabel": goal_label,
        "loss": trace.loss.tolist(),
        "kept": trace.kept,
        "linf": trace.norms("Linf").tolist(),
        "l2": trace.norms("L2").tolist(),
        "scale": max(float((trace.images - trace.natural).abs().max()), 1e-3),
    }


def _frames(trace: Trace) -> list[int]:
    """The steps whose images the browser gets: all for small images, for large ones only as many as can be sent quickly."""
    last = len(trace.images) - 1
    count = max(min(last, MOST_VALUES // trace.natural.numel()), 1)
    return sorted({round(i * last / count) for i in range(count + 1)} | {trace.kept})


def pack16(images: Tensor) -> str:
    """Images in [0,1] as base64 of 16-bit numbers, fine enough to show any perturbation."""
    return base64.b64encode((images.clamp(0, 1) * 65535).round().numpy().astype("<u2").tobytes()).decode()
