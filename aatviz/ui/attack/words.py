"""The Attack page's words: what each loss minimises, what to look for, and how an attack reads in a sentence."""

from aatviz.attacks.settings import AttackSettings
from aatviz.data import Dataset
from aatviz.models.decisions import VictimName
from aatviz.ui.common.classes import a
from aatviz.ui.common.words import literal


def equation(settings: AttackSettings) -> str:
    """The attack's minimisation over the ball, as LaTeX."""
    return rf"\min_{{x' \in \mathcal{{B}}}} \; {_loss_latex(settings)}"


def decision(victim: VictimName) -> tuple[str, ...]:
    """How the victim decides and rejects, as lines of LaTeX."""
    reject = r"\text{rejected where } z(h_k(x)) < T"
    lines: dict[VictimName, tuple[str, ...]] = {
        "generative": (r"k = \arg\max_i \; p(C_i)\,\sigma(z(h_i(x)))", reject),
        "integrated": (r"k = f(x)", reject),
        "robust": (r"k = \arg\max_i \; z_{\mathrm{robust}}(x)_i",),
        "natural": (r"k = \arg\max_i \; z_f(x)_i",),
        "detector": (r"\text{a natural sample of class } k \text{ where } z(h_k(x)) \ge T", reject),
    }
    return lines[victim]


def number_of(settings: AttackSettings) -> str:
    """Where the loss comes from: its number in the paper, or its authors."""
    return {
        "detectors_max": "Loss 10 of the paper.",
        "combined": "Loss 13 of the paper.",
        "classifier_margin": "Loss 9 of the paper (Carlini and Wagner).",
        "cw": "Carlini and Wagner's margin with κ = 0: no further gain once the image is misclassified.",
        "cross_entropy": "Cross-entropy towards the true class, raised; figures 7 and 9.",
        "target_logit": "The targeted attack of figures 3 and 5.",
        "detector_logit": "The inner problem of objective 5, by which the detectors are trained.",
    }[settings.loss]


def about(settings: AttackSettings, known: Dataset) -> str:
    """One line for the head of a column: what the attack does to this victim."""
    z = {"robust": "its logit", "natural": "its logit"}.get(settings.victim, "the detector logit")
    goal = known.classes[_goal(settings) or 0]
    return {
        "detectors_max": "Raises the highest detector logit of a wrong class (loss 10).",
        "combined": "Fools f first, then raises the highest wrong detector (loss 13).",
        "classifier_margin": "Raises the strongest wrong class above the true one (loss 9)."
        if settings.victim != "integrated"
        else "Fools f alone and ignores the detectors (loss 9).",
        "cw": "Lowers the margin of the true class until it is fooled.",
        "cross_entropy": "Raises the cross-entropy of the true class.",
        "target_logit": f"Raises {z} of class {goal}.",
        "detector_logit": f"Raises {z} of class {goal}.",
    }[settings.loss]


def look_for(settings: AttackSettings, compared: bool, known: Dataset) -> str:
    """What is worth seeing in this attack, in a few sentences."""
    goal = _goal(settings)
    shape = (
        f"begins to look like {literal(a(known.classes[goal]))}"
        if goal is not None
        else f"takes on traits of {a(f'{known.noun} of another class')}"
    )
    text = {
        "generative": f"A detector has learnt what its class looks like. Where its logit rises, the {known.noun} {shape}.",
        "integrated": "f alone is fooled in a few steps. The detector of its wrong decision is the harder part: watch "
        "whether its logit gets over T.",
        "robust": "The robust classifier withstands small perturbations, but what raises its logits is mostly noise.",
        "natural": "Without a defence a few steps are enough, and the perturbation means nothing to the eye.",
        "detector": f"The inner problem of training, seen live: the {known.noun} {shape}, or the logit stays below T.",
    }[settings.victim]
    if compared:
        text += (
            " Beside it, the same attack on the robust classifier: compare the two **perturbations**. Which of them "
            "draws shapes, and how much is noise (the paper's figure 3)?"
        )
    if settings.victim in ("robust", "natural"):
        return text
    return text + " Then move **T**: it can turn *accepted* into *rejected*, but never changes the decision itself."


def _goal(settings: AttackSettings) -> int | None:
    """The class whose logit is raised; None for untargeted losses."""
    return settings.target if settings.loss == "target_logit" else settings.detector


def _loss_latex(settings: AttackSettings) -> str:
    z = {"robust": r"z_{\mathrm{robust}}", "natural": "z_f", "integrated": "z_f"}.get(settings.victim, "z_H")
    margin = rf"{z}(x')_y - \max_{{i \neq y}} {z}(x')_i"
    highest = r"-\max_{i \neq y} z_H(x')_i"
    return {
        "detectors_max": highest,
        "combined": r"\begin{cases} z_f(x')_y - \max_{i \neq y} z_f(x')_i & f(x') = y \\ "
        + highest
        + r" & f(x') \neq y \end{cases}",
        "classifier_margin": margin,
        "cw": rf"\max(0,\; {margin})",
        "cross_entropy": rf"\log \mathrm{{softmax}}({z}(x'))_y",
        "target_logit": rf"-{'z_H' if settings.victim == 'integrated' else z}(x')_{{{settings.target}}}",
        "detector_logit": rf"-z(h_{{{settings.detector}}}(x'))",
    }[settings.loss]
