"""What a visitor can take home from the player: the commands, the results as pictures, and the logits as a table."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from aatviz.data.own_image.link_text import to_png
from aatviz.explore.attack_path import Trace
from aatviz.explore.saving import exact, picture_levels
from aatviz.explore.snippets import OWN_PICTURE, attack_code, attack_command
from aatviz.store.systems import System
from aatviz.ui.common import takeaway
from aatviz.ui.common.pictures import enlarged
from aatviz.ui.common.words import VICTIMS
from aatviz.ui.own.picked import Picked
from aatviz.ui.player.view import victim_logits


def take_home(system: System, picked: Picked, traces: list[Trace]) -> None:
    """The commands that give these numbers, the results as pictures, and the logits as a table."""
    before = "" if picked.index is not None else f"Save the input as `{OWN_PICTURE}` (the button below), then run this. "
    picture = partial(to_png, picked.pixels, picked.shape)
    snippets = [
        (
            f"{before}**{VICTIMS[trace.settings.victim].capitalize()}**, on the command line and in Python:",
            attack_command(system.name, trace.settings, **picked.source),
            attack_code(system.name, trace.settings, **picked.source),
        )
        for trace in traces
    ]
    takeaway.reproduce(snippets, {OWN_PICTURE: picture} if picked.index is None else None)
    stem = f"{system.name}-{picked.name}"
    with st.container(horizontal=True):
        if picked.index is None:
            takeaway.download_png("The input of this attack (PNG)", OWN_PICTURE, picture)
        for trace in traces:
            victim = trace.settings.victim
            takeaway.download_png(f"Perturbed image, {VICTIMS[victim]} (PNG)", f"{stem}-{victim}.png", partial(png, trace))
            takeaway.download_arrays(
                f"Exact numbers, {VICTIMS[victim]} (NPZ)", f"{stem}-{victim}.npz", partial(exact, trace)
            )
        takeaway.download_csv("Logits by step (CSV)", f"{stem}-logits.csv", lambda: logits_csv(traces, system.card.bank))
    st.caption(
        "A PNG has 256 levels, rounded so that the image stays in its ball: its logits differ a little from those shown, "
        "and near *T* a decision may. The NPZ holds the exact numbers."
    )


def png(trace: Trace) -> bytes:
    """The attack's result on 256 levels, inside the ball, every pixel a square of 10."""
    return takeaway.png(enlarged(picture_levels(trace) / 255, 10))


def logits_csv(traces: list[Trace], bank: Sequence[int]) -> str:
    """One row a step and victim: loss, norms, the victim's own logits, and those of all detectors."""
    shown = traces[0].settings.victim
    classes = bank if shown == "detector" else range(victim_logits(traces[0]).shape[1])
    names = [*(f"victim_logit_{k}" for k in classes), *(f"detector_logit_{k}" for k in bank)]
    rows = []
    for trace in traces:
        columns = (trace.loss, trace.norms("Linf"), trace.norms("L2"), victim_logits(trace), trace.z_h)
        for step, (loss, linf, l2, own, detectors) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
            rows.append([trace.settings.victim, step, int(step == trace.kept), loss, linf, l2, *own, *detectors])
    return takeaway.table(["victim", "step", "kept", "loss", "linf", "l2", *names], rows)
