"""All lessons, in their order."""

from dataclasses import replace

from aatviz.attacks.settings import AttackSettings
from aatviz.explore.attack_grid.result import CompareSettings
from aatviz.explore.generation.run import RUBBISH
from aatviz.thresholds.choose import REJECTION
from aatviz.ui.lessons.lesson import THRESHOLD, AttackCase, Lesson
from aatviz.ui.lessons.plane import PLANE_LESSONS
from aatviz.ui.session.showcase import SETTINGS

GIVEN_UP = 0.05
"""The share of clean images that the lesson on T gives up, compared with `REJECTION`."""


_ONLY_EPS = ("pick", "digit", "nth", "victim", "detector", "compare", "goal", "target", "loss", "steps", "norm")
_HIDDEN = ("step_size", "optimizer", "random_start", "restarts", "seed")
_K = 8
_ON_DETECTOR = AttackCase(
    digit=3, nth=0, settings=AttackSettings(victim="detector", loss="detector_logit", detector=_K, eps=SETTINGS.eps)
)
_BEYOND = replace(_ON_DETECTOR, settings=replace(_ON_DETECTOR.settings, eps=0.5))
_COMPARED = CompareSettings()

LESSONS: tuple[Lesson, ...] = (
    Lesson(
        name="why-detect",
        title="Why detect?",
        text="A classifier has to name a class for **every** image, even for one that looks like nothing. An attacker uses "
        "that: tiny changes of many pixels, and the answer is wrong. So we ask a second question. Does the image look like "
        "the class that was named? In AAT one **detector** per class answers it, and may **reject**.",
        equation=r"k = f(x) \\ \text{reject where } z(h_k(x)) < T",
        page="attack",
        task="Press **Attack**, then scrub through the steps. Read the two verdicts apart: *fooled* and *rejected*. Then "
        "make ε smaller. How small can it be, and *f* is still fooled?",
        question="The attacker looks at *f* only, and makes it name a wrong class. What will that class's detector do?",
        options=(
            "It accepts: the image is good enough for the wrong class.",
            "It rejects: the image does not look like that class.",
        ),
        case=AttackCase(digit=2, nth=0, settings=AttackSettings(victim="integrated", loss="classifier_margin")),
        lock=_ONLY_EPS,
        hide=_HIDDEN,
    ),
    Lesson(
        name="fool-classifier",
        title="Fool a classifier",
        text="The attack lowers the score of the true class *y* below the best other score, step by step, and never changes "
        "a pixel by more than ε. This is projected gradient descent (PGD). The **natural** classifier has never seen such "
        "images. The **robust** one was trained on them (Madry et al., 2018).",
        equation=r"\min_{\lVert x' - x \rVert_\infty \le \varepsilon} \; z_f(x')_y - \max_{i \neq y} z_f(x')_i",
        page="attack",
        task="Press **Attack** and compare the two columns. Then raise ε: 0.2, 0.3, 0.4. When does the robust one fall?",
        question="Each pixel of a 7 may change by 0.1, on a scale from 0 (black) to 1 (white). Who is fooled?",
        options=("Both classifiers.", "Only the natural classifier.", "Only the robust classifier.", "Neither."),
        case=AttackCase(
            digit=7, nth=0, settings=AttackSettings(victim="natural", loss="classifier_margin", eps=0.1), compare=True
        ),
        lock=_ONLY_EPS,
        hide=_HIDDEN,
    ),
    Lesson(
        name="fool-detector",
        title="Fool a detector",
        text=f"Detector {_K} asks one thing only: is this a natural {_K}? In training, an attacker pushed images of all "
        f"**other** digits towards it, within ε = {SETTINGS.eps:g}, and the detector learnt to withstand. Now you are that "
        f"attacker, with a {_ON_DETECTOR.digit}.",
        equation=rf"\max_{{\lVert x' - x \rVert_\infty \le {SETTINGS.eps:g}}} \; z(h_{_K}(x'))",
        page="attack",
        task=f"Press **Attack**. Watch the logit of detector {_K} climb, and watch which strokes the attack draws. Then try "
        f"another digit. Which one comes closest to an {_K}?",
        question=f"After {_ON_DETECTOR.settings.steps} steps, where does the logit of detector {_K} end?",
        options=(
            f"Above T = {THRESHOLD:g}: the detector takes the {_ON_DETECTOR.digit} for an {_K}.",
            f"It climbs, but stays below T = {THRESHOLD:g}.",
            "It hardly moves.",
        ),
        case=_ON_DETECTOR,
        lock=tuple(name for name in (*_ONLY_EPS, "eps") if name not in ("digit", "nth")),
        hide=_HIDDEN,
    ),
    Lesson(
        name="looks-like-target",
        title="Why it looks like the target",
        text="The paper's surprise: to fool a detector, an attack has to **draw its class**. In training, the attacker "
        "pushed everything towards class *k*, and the detector had to tell the result from the real thing. So it learnt "
        "what class *k* looks like, and not merely how *k* differs from the other classes.",
        equation=r"\max_{\lVert x' - x \rVert_\infty \le \varepsilon} \; z(x')_t \\"
        r"\text{detectors and robust classifier alike}",
        page="compare",
        task="Compare the two grids. Cover the class labels: from the picture alone, can you name the target? Then switch "
        "to the **perturbation** and magnify it. Where do you see strokes, and where only noise?",
        question="Take the images that make the **robust classifier** see the target, and show them to the **detector** of "
        f"that target. How many does it accept at T = {THRESHOLD:g}?",
        options=("Nearly all.", "Some of them.", "Hardly any."),
        settings={
            "rows": "classes",
            "seed": str(_COMPARED.seed),
            "models": ",".join(_COMPARED.models),
            "norm": _COMPARED.norm,
            "eps": f"{_COMPARED.eps:g}",
            "steps": str(_COMPARED.steps),
            "step_size": f"{_COMPARED.step_size:g}",
            "optimizer": _COMPARED.optimizer,
            "T": f"{THRESHOLD:g}",
            "row": "3",
            "target": "8",
            "view": "perturbed",
            "magnify": "1",
            "targets": "all",
        },
        lock=("rows", "seed", "models", "norm", "eps", "steps", "T"),
        hide=("step_size", "optimizer"),
    ),
    Lesson(
        name="rubbish",
        title="Rubbish examples",
        text="Start from plain noise, forget the true class, and push one logit up as far as it goes. A network that is "
        "then **sure of an image that shows nothing** has been given a *rubbish example*. The robust "
        "classifier was trained on small perturbations of real digits only, and never saw such images.",
        equation=r"\max_{x' \in [0,1]^{784}} \; z(x')_t \\ \text{from the same uniform noise}",
        page="generate",
        task="Scrub from noise to result. Which of the three models draws anything that you can read? Then start from "
        "**class noise**, and look again.",
        question="The noise is pushed towards each of the ten classes. Which models end up as **sure** of the result as "
        "they are of real digits?",
        options=(
            "All three of them.",
            "The natural and the robust classifier, but not the detectors.",
            "The natural classifier only.",
            "None of them.",
            "Some other mixture.",
        ),
        settings={
            "start": RUBBISH.start,
            "count": str(RUBBISH.count),
            "seed": str(RUBBISH.seed),
            "norm": RUBBISH.norm,
            "eps": f"{RUBBISH.eps:g}",
            "steps": str(RUBBISH.steps),
            "step_size": f"{RUBBISH.step_size:g}",
            "optimizer": RUBBISH.optimizer,
            "target": "8",
            "sample": "2",
            "targets": "all",
        },
        lock=("count", "seed", "norm", "eps", "steps"),
        hide=("step_size", "optimizer"),
    ),
    Lesson(
        name="choosing-t",
        title="Choosing T",
        text="Where the winning logit is below **T**, the classifier keeps silent. A high T stops more attacks, and turns "
        "away more honest digits. No mathematics says which T is right: it depends on what each mistake **costs** you. And "
        "T has to be chosen on **held-out** images, not on those that the result is reported for.",
        equation=r"\text{cost}(T) = c_{\text{miss}} \, \pi \, \text{FPR}(T) \\"
        r"{} + c_{\text{alarm}} \, (1 - \pi) \, (1 - \text{TPR}(T))",
        page="thresholds",
        task="Drag T and watch both curves. Below, allow that "
        f"{100 * REJECTION:g}% of the clean digits are rejected, then {100 * GIVEN_UP:g}%, and press **Set T** each time. "
        "Then choose by costs: what if a miss is 100 times as bad as a false alarm?",
        question=f"You give up {100 * GIVEN_UP:g} of 100 clean digits, and no longer {100 * REJECTION:g} of 100. How many "
        "of the attacks that got through still do?",
        options=("Nearly as many as before.", "About half of them.", "A third of them at most."),
        settings={
            "mode": "one",
            "T": f"{THRESHOLD:g}",
            "axis": "log",
            "span": "all",
            "logits": "generative",
            "judge": "generative",
            "rejection": f"{100 * REJECTION:g}",
            "c_miss": "10",
            "c_alarm": "1",
            "prior": "0.1",
        },
        lock=("judge", "logits"),
        hide=("axis", "span"),
    ),
    Lesson(
        name="limits",
        title="The honest limits",
        text="A detector promises something for **the attacks it was trained against**, and nothing beyond. Raise ε and the "
        "promise ends. Stronger attacks within ε exist, too: [Tramèr, Carlini, Brendel and Madry (2020)]"
        "(https://arxiv.org/abs/2002.08347) try every target class in turn, and with that they broke this paper's CIFAR-10 "
        "systems. An attack that fails proves nothing.",
        equation=rf"\max_{{\lVert x' - x \rVert_\infty \le {_BEYOND.settings.eps:g}}} \; z(h_{_K}(x')) \\ "
        rf"\text{{trained with }} {SETTINGS.eps:g}",
        page="attack",
        task=f"Set ε to {_BEYOND.settings.eps:g} and press **Attack**. Is the result a picture that you would call an {_K}? "
        "Then look for the ε from which on the detector gives in.",
        question=f"The same {_BEYOND.digit} against detector {_K}, but with ε = {_BEYOND.settings.eps:g}, more than in "
        "training. Where does the logit end?",
        options=(
            f"Above T = {THRESHOLD:g}: the detector takes it for an {_K}.",
            f"Still below T = {THRESHOLD:g}.",
        ),
        case=_BEYOND,
        settings={"eps": f"{SETTINGS.eps:g}"},
        lock=_ONLY_EPS,
        hide=_HIDDEN,
    ),
    *PLANE_LESSONS,
)
BY_NAME = {lesson.name: lesson for lesson in LESSONS}


def step_of(lesson: Lesson) -> int:
    """The place of a lesson on the Learn page, from 1."""
    return LESSONS.index(lesson) + 1
