"""The section of the report on images generated from noise: how near they come to real ones (figure 6)."""

from aatviz.data.registry import dataset
from aatviz.data.spec import written
from aatviz.explore.generation.run import default_settings, load_generated, stored_settings
from aatviz.explore.generation.scores import DRAWN, NOISE, REAL, load_scores
from aatviz.metrics.format import interval, markdown_table
from aatviz.store.systems import System

NAMES = {"generative": "detectors", "robust": "robust classifier", "natural": "natural classifier"}
NOISES = {"gaussian": "class Gaussian", "uniform": "uniform"}


def generated(system: System) -> str:
    """Both sections as Markdown; empty where nothing of it was measured."""
    return "\n".join(section for section in (_distances(system), _sure(system)) if section)


def _sure(system: System) -> str:
    """Figure 10: the logits that each model gives its own images, beside those of natural ones."""
    rows = [
        ["noise", "model", "as sure as of natural images", "its images: lowest logit, median", "natural ones: 5 %, median"]
    ]
    for name in stored_settings(system):
        if (made := load_generated(system, name)) is None:
            continue
        for model in DRAWN:
            own, natural = made.logits[model].flatten(), made.natural(model)
            cells = [f"{own.min():.2f}, {own.median():.2f}", f"{natural.quantile(0.05):.2f}, {natural.median():.2f}"]
            rows.append([NOISES[made.settings.start], NAMES[model], interval(made.sure(model), 3, with_n=True), *cells])
    if len(rows) == 1:
        return ""
    words = (
        "The logit of the target class that a model gives the images that it was made to draw, none selected, and natural "
        "ones of the class (figure 10). As sure as of natural images: above the lowest 5 % of those of the class."
    )
    return f"## figure-10\n\n{words}\n\n{markdown_table(rows)}\n"


def _distances(system: System) -> str:
    """Figure 6: how near the images come to real ones."""
    scores = load_scores(system)
    if scores is None:
        return ""
    settings = default_settings(system)
    attack = (
        f"{settings.norm} eps {written(settings.eps)}, {settings.optimizer} {settings.steps} x {written(settings.step_size)}"
    )
    which, ours = (
        ("the bank's classes", "detector") if system.lacks("full_bank") else ("all classes", "generative classifier")
    )
    real = f"real test {dataset(system.card.dataset).plural}"
    names = {NOISE: "the noise itself", REAL: real, **NAMES, "generative": ours}
    rows = [["images", "KID", "standard deviation", "the judge sees the class", "n"]]
    for name, found in scores.distance.items():
        seen = interval(scores.accuracy[name], 3)
        rows.append([names[name], f"{found.value:.4g}", f"{found.std:.2g}", seen, f"{found.n:,}"])
    better = "" if scores.draws_better() else "not "
    return (
        f"## figure-6\n\nImages of {which} from the same class noise ({attack}), none selected: kernel inception "
        "distance to the images of the sample on the features of the judge, a network that no attack saw.\n\n"
        f"{markdown_table(rows)}\n\n"
        f"The {ours}'s images are {better}nearer to real ones than the robust classifier's by more than two "
        f"standard deviations of the difference. {scores.caveat(ours)}".rstrip()
        + "\n"
    )
