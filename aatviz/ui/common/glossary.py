"""The meanings of the field's words: the tooltips of the app and docs/glossary.md are both made from this."""

TERMS: dict[str, str] = {
    "adversarial example": "An image that somebody has changed a little, on purpose, so that a network answers wrongly.",
    "AAT": (
        "Asymmetrical adversarial training: one detector a class, trained on natural images of its class against "
        "images of all other classes that an attacker has pushed towards it."
    ),
    "base detector": (
        "A network that answers one question: is this a natural image of class k? Written h_k; its answer is a "
        "logit, z(h_k(x))."
    ),
    "logit": "A network's raw answer, a number without bounds. A high logit of detector k says: a natural image of class k.",
    "bank": (
        "All base detectors together, written H. *Separate*: a network a class, as in the paper. *Shared*: one "
        "network with a logit for each class."
    ),
    "classifier f": "The naturally trained classifier: as accurate as it gets, and without any defence.",
    "generative classifier": (
        "The detectors decide by themselves: the class with the highest p(k) sigmoid(z(h_k(x))). Rejects where the "
        "winning logit is below T."
    ),
    "integrated classifier": (
        "The natural classifier f decides, and the detector of its decision may reject: k = f(x), rejected where "
        "z(h_k(x)) is below T_k."
    ),
    "robust classifier": (
        "Madry's adversarially trained classifier, the baseline: usual training on attacked images. It has no detectors."
    ),
    "victim": "Who is attacked: one of the classifiers, or a single detector.",
    "threshold T": (
        "The logit from which an image is accepted; below it, it is rejected. One for all detectors, or one for "
        "each. To be chosen on held-out clean images."
    ),
    "clean rejection": "The share of natural, unattacked images that a threshold rejects: the price of rejecting.",
    "fooled": "The network decides for a wrong class. Whether it also rejects is another verdict.",
    "false positive": (
        "An attack's success against a system with a reject option: x' is misclassified *and* accepted *and* "
        "inside the ball *and* inside [0,1]."
    ),
    "threat model": (
        "What an attacker may do: the norm, the radius eps, and what they know of the networks. Here they know everything."
    ),
    "ball": (
        "All images within eps of the natural one. Linf: no pixel changes by more than eps. L2: the changes have "
        "at most this length, as a vector."
    ),
    "eps": "The radius of the ball, on the scale of images in [0,1]: 0.3, or 8/255.",
    "PGD": (
        "Projected gradient descent: many small steps along the gradient, and after each one back into the ball "
        "and into [0,1]."
    ),
    "optimizer": (
        "How a gradient becomes a step. Adam is the paper's. Steepest descent takes its sign (Linf) or its "
        "direction (L2). Momentum keeps some of the last steps' direction."
    ),
    "loss": "What an attack makes as small as it can.",
    "targeted": "The attack wants one class, the target. Untargeted: any wrong class will do.",
    "AUC": (
        "How well a detector's logits tell two groups of images apart: the chance that a natural image of its "
        "class scores higher than an attacked one of another class. 1 is perfect, 0.5 is a coin."
    ),
    "honest protocol": (
        "Every attack known to hurt is tried, and the worst counts for each image, at thresholds from held-out clean images."
    ),
    "judge": "A classifier that no attack has seen. It says which class a generated image looks like.",
    "class Gaussian": (
        "A normal distribution with the mean and the spread of a class's training images. Noise drawn from it is "
        "what images are generated from."
    ),
    "system": "All that one checkpoint folder holds: detectors, classifiers, judge, class Gaussians, card and results.",
    "95 % interval": (
        "Where the true value lies, most likely: with other test images of the same kind, the number would move "
        "about so much."
    ),
}
"""By the words that pages use; Markdown without formulas."""


def tip(term: str) -> str:
    """The meaning of a word, for a tooltip. KeyError for a word that is not in `TERMS`."""
    return TERMS[term]
