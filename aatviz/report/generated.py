"""The section of the report on images generated from noise: how near they come to real ones (figure 6)."""

from aatviz.data.registry import dataset
from aatviz.data.spec import written
from aatviz.explore.generation.run import default_settings
from aatviz.explore.generation.scores import NOISE, REAL, load_scores
from aatviz.metrics.format import interval, markdown_table
from aatviz.store.systems import System


def generated(system: System) -> str:
    """The section as Markdown; empty where the scores were not measured."""
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
    names = {NOISE: "the noise itself", REAL: f"real test {dataset(system.card.dataset).plural}", "generative": ours}
    names |= {"robust": "robust classifier", "natural": "natural classifier"}
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
