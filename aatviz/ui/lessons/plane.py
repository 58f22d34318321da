"""The lessons on the Playground: points of a plane, so that all that a detector has learned can be seen."""

from aatviz.recipes.plane import PlaneSettings
from aatviz.ui.lessons.lesson import OWN, Lesson, PlaneCase

_HIDDEN = ("noise", "seed", "inner", "step", "width", "depth", "bank")
_ALL = ("points", "anywhere", "eps", *_HIDDEN)
_USUAL = PlaneSettings()
_RADII = tuple(PlaneSettings(eps=eps) for eps in (0.05, 0.15, 0.5))
_ANYWHERE = PlaneSettings(anywhere=0.5)

PLANE_LESSONS: tuple[Lesson, ...] = (
    Lesson(
        name="why-attack-in-training",
        title="Why attack during training?",
        text="Now an image has two numbers only. So it is a **point** of a square, and what a detector has learnt is a "
        "landscape that you can see whole. The natural classifier has learnt where two classes differ, from their points "
        "alone. AAT has an attacker who pushes every negative uphill inside its ball, and then presses the landscape down "
        "**where they arrive**.",
        equation=r"\min_\theta \; E_{x \sim C_k}[L(h_k(x), 1)] \\"
        r"{} + E_{x \sim C_{\setminus k}}[\max_{\lVert x'-x \rVert_\infty \le \varepsilon} L(h_k(x'), 0)]",
        page="playground",
        task="Every map is one logit: orange above T, blue below. Drag the cross onto a point of class A, then to the "
        "border of its dashed ball, towards class B. Which model is *fooled*, and which one *rejects*? Then press "
        "**Train**, and watch where the negatives go.",
        question="Without an attack, both know the classes apart. Now each negative may move by "
        f"ε = {_USUAL.eps:g}. How often does a point of the class still have the higher logit (that is the AUC)?",
        options=(
            "Nearly always, with both: the two moons lie far enough apart.",
            "With the detectors much more often than with the natural classifier.",
            "With the natural classifier much more often than with the detectors.",
            "About as often with both, and far from always.",
        ),
        system=None,
        plane=PlaneCase(settings=(_USUAL,)),
        lock=_ALL,
        hide=_HIDDEN,
    ),
    Lesson(
        name="what-eps-does",
        title="What does ε do?",
        text="ε is the size of the ball in which the attacker of the training may push. A larger ball means negatives from "
        "further away, and so a landscape that is low in **more** of the square. But where the ball is so large that it "
        "reaches real points of the class, the training asks for the impossible: the same place should be high, as a "
        "positive, and low, as a negative.",
        equation=r"\lVert x' - x \rVert_\infty \le \varepsilon",
        page="playground",
        task="Read the maps and *far points accepted*. Then set ε to "
        + " and ".join(f"{one.eps:g}" for one in _RADII[1:])
        + ". What becomes of the corners, where no point lies? And what of the AUC, natural and attacked?",
        question="Detectors were trained with ε = "
        + ", ".join(f"{one.eps:g}" for one in _RADII)
        + f". Each of them is then attacked in the smallest ball, ε = {_RADII[0].eps:g}. How do those with the largest do?",
        options=(
            "Best: who withstands much, withstands little.",
            "Like the others.",
            "Worst.",
        ),
        system=None,
        plane=PlaneCase(settings=_RADII),
        lock=tuple(name for name in _ALL if name != "eps"),
        hide=_HIDDEN,
    ),
    Lesson(
        name="where-negatives-start",
        title="Where do the negatives start?",
        text="The paper's negatives start at points of the **other classes**. The attacker takes them no further than ε, so "
        "there are places where no negative has ever been. Nothing was asked of a detector there. Here a share of the "
        "negatives can start **anywhere** in the square instead, and is pushed as well.",
        equation=r"x' = x + \delta, \quad \lVert \delta \rVert_\infty \le \varepsilon \\"
        r"x \sim C_{\setminus k} \quad \text{or} \quad x \sim U([0,1]^2)",
        page="playground",
        task="The cross stands in a corner, far from all data. What do the detectors say there? Press **Drop noise**: where "
        f"does it end? Then set *Negatives that start anywhere* to {100 * _ANYWHERE.anywhere:g} %, and look at the corner "
        "and at the noise again.",
        question="Look only at places far from all data. How much of them do detectors **accept**: with the paper's "
        f"negatives, and with {100 * _ANYWHERE.anywhere:g} % from anywhere?",
        options=(
            "Hardly anything, either way: what they do not know, they reject.",
            "A good part of it, either way.",
            "A good part with the paper's negatives, hardly anything with the others.",
            "Hardly anything with the paper's negatives, a good part with the others.",
        ),
        system=None,
        plane=PlaneCase(settings=(_USUAL, _ANYWHERE)),
        settings={"cross": "20,20"},
        lock=tuple(name for name in _ALL if name != "anywhere"),
        hide=_HIDDEN,
    ),
)
EXERCISE = PLANE_LESSONS[-1].link | {
    "lesson": OWN,
    "task": "How few negatives from anywhere are enough? Set their share, press Train, and look at the corners and at 'far "
    "points accepted'. Write down the share, what is accepted far away, and the AUC under attack.",
}
"""The query parameters of an exercise as a teacher makes them; docs/teaching.md has its link, and what comes out."""
