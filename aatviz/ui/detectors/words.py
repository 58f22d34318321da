"""The Detectors page's words and equations. A detector is called by the name of its class."""

from collections.abc import Sequence

from aatviz.explore.detector_records import Profile, TrainingPart
from aatviz.ui.common.classes import a
from aatviz.ui.common.words import literal, lowest
from aatviz.ui.detectors.data import headline

ATTACKS = {"paper": "the paper's attack", "best": "its best iterate", "worst": "worst of several"}
ATTACKS_HELP = (
    "The paper's attack counts as it stands after its last step. An attacker would keep the best step of each image "
    "instead. (It is picked in quick 16-bit arithmetic, so it may look a little weaker than the last.) The worst of several "
    "attacks, each with restarts, is the hardest test here, on fewer images."
)
CAMERA = "For a PNG of a figure, use the camera at its top right."
AUC_EQUATION = (
    r"\begin{aligned} \mathrm{AUC}_k = \; & P\bigl(z(h_k(x^+)) > z(h_k(x^-))\bigr) \\ "
    r"& + \tfrac{1}{2} P\bigl(z(h_k(x^+)) = z(h_k(x^-))\bigr) \end{aligned}"
)
OBJECTIVE = (
    r"\begin{aligned} \min_{\theta_k} \; & \mathbb{E}_{x \sim \mathcal{D}_{\setminus k}} \Bigl[ "
    r"\max_{\delta \in \mathcal{S}} L(h_k(x + \delta; \theta_k), 0) \Bigr] \\ "
    r"& + \mathbb{E}_{x \sim \mathcal{D}_k} \bigl[ L(h_k(x; \theta_k), 1) \bigr] "
    r"\end{aligned}"
)
OBJECTIVE_IN_WORDS = (
    "Objective 5 of the paper. The attacker pushes images of the other classes up the logit; the detector learns to "
    "keep them low and to keep natural images of its own class high. L is the binary cross-entropy."
)
ROC = (
    "**What you see.** Every point of a curve is one threshold on the logit. Upwards: the in-class images that "
    "are accepted. "
    "To the right: the out-of-class images that are accepted too.\n\n"
    "**Look for** the gap between the two curves: that is what the attacker gains. The area under a curve is its "
    "AUC. On the "
    "log axis, 0 stands at the left edge."
)


def aucs(name: str, profile: Profile, attack: str) -> str:
    """The AUCs of the detector of the class of this name, for a screen reader."""
    attacked = f", attacked {profile.attacked[attack].auc.value:.5f}" if attack in profile.attacked else ""
    return f"detector {name}: natural {profile.natural.value:.5f}{attacked}"


def overview(found: list[Profile], attack: str, names: Sequence[str]) -> tuple[str, str]:
    """The words beside the AUCs of all detectors, or of the only one: what to see, and what to look for."""
    alone = len(found) == 1
    paper = any(profile.paper is not None for profile in found)
    see = (
        f"{'The' if alone else 'Every'} detector's AUC with its 95% interval: the share of pairs of an in-class and an "
        "out-of-class image in which the in-class one gets the higher logit. Circles: the out-of-class images are natural. "
        "Diamonds: they are attacked."
    )
    if paper:
        see += " The grey bar: what the paper's own detector reached under its attack, given without an interval."
    look = "the distance between circle and diamond: so much the attacker gains."
    if not alone:
        look = "the classes that are hard. Which images of other classes are easily turned into one of them?"
        for place in lowest([headline(profile, attack).value for profile in found], 1):
            look += f" The weakest here is **detector {literal(names[found[place].k])}**."
        look += " Click a point to choose its detector."
    if paper and attack != "paper":
        look += " The grey bars stand for the paper's attack: compare them with that one."
    return see, look


def in_a_sentence(name: str, profile: Profile, attack: str) -> str:
    """The AUC under this attack as a sentence about 1,000 pairs of images."""
    if attack not in profile.attacked:
        return ""
    value = profile.attacked[attack].auc.value
    count = f"{1000 * value:.0f}" if value < 0.9995 else "more than 999"
    return (
        f"Take a natural {name} and an attacked image of another class, both at random: in **{count} of 1,000** "
        "such pairs "
        f"detector {name} gives the natural {name} the higher logit."
    )


def where_from(profile: Profile, attack: str) -> str:
    """Which images and which attack made the numbers."""
    text = f"Test images: {len(profile.positive):,} natural ones in-class, {len(profile.negative):,} out-of-class."
    if attack in profile.attacked:
        text += f" Attack: {profile.attacked[attack].about}. A stronger attack can only lower an AUC."
    return f"{text} Intervals: DeLong's, 95%."


def histograms(k: str, measured: bool) -> str:
    """The words under the histograms."""
    if not measured:
        return (
            f"**What you see.** The logits that detector {k} gives to the images of the sample, natural ones only.\n\n"
            "**Look for** the gap between the two: training has put the adversary's images into it."
        )
    return (
        f"**What you see.** The logits that detector {k} gives to three kinds of test images. Each row has its own "
        "height.\n\n"
        "**Look for** the attacked images that reach as far right as the in-class ones do: a threshold that lets "
        "those in-class "
        "images in lets the attacker in. There are few; the *log* bars show them."
    )


def ranked(k: str, count: int) -> tuple[str, str]:
    """The words under the strips."""
    see = (
        f"The ends of detector {k}'s ranking of {count:,} natural images, the sample, none of which it was trained on. "
        "Under each "
        "image stands its logit, and for an out-of-class image its true class."
    )
    look = (
        f"what makes {a(k)} for this detector. Would you have called the least typical ones {a(k)}? And what do the "
        "most confusing "
        "ones share with it? Choose an image to attack it."
    )
    return see, look


def training(parts: list[TrainingPart], k: str) -> tuple[str, str]:
    """The words beside the training history: what to see, network by network, and what to look for."""
    lines = []
    for part in parts:
        whose = f"the mean of its {part.detectors} detectors" if part.detectors > 1 else f"detector {k} alone"
        lines.append(f"*{part.job}*: {part.rows[-1]['step']:,.0f} steps, {len(part.rows)} evaluations, {whose}")
    shared = any(part.detectors > 1 for part in parts)
    see = (
        "AUC of the detectors during training. Filled marks: validation images; hollow marks: training images. Each point "
        "is one evaluation, the "
        f"lines only guide the eye. From left to right: {'; '.join(lines)}."
    )
    if parts[0].classifier:
        see += (
            f" Before it stands the classifier *{literal(parts[0].classifier)}*, whose weights *{parts[0].job}* began with."
        )
    if shared:
        see += " A shared network trains all its detectors at once, so that its history is one for all of them."
    if len({part.detectors for part in parts}) > 1:
        see += " Where it ends and the detector's own begins, the points jump: from a mean to a single class."
    look = (
        "the distance between filled and hollow diamonds: the detectors withstand attacks on images that they were "
        "trained on "
        "better than on new ones. A square marks the weights that were kept, those with the best adversarial AUC on "
        "validation "
        "images. The adversary here is quick (fewer images and steps), so that these figures are not those of the "
        "table above."
    )
    return see, look
