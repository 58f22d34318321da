"""The attack scenarios of the paper's figures on whole systems: 2 and 7 on MNIST, 4 and 9 on CIFAR-10."""

from aatviz.attacks.objectives import LossName
from aatviz.models.decisions import VictimName
from aatviz.recipes.evaluation import Scenario, SystemEvaluation
from aatviz.recipes.spec import AttackSpec

BY_SCENARIO: tuple[tuple[str, VictimName, LossName], ...] = (
    ("integrated, classifier alone", "integrated", "classifier_margin"),
    ("integrated, detectors alone", "integrated", "detectors_max"),
    ("integrated, surrogate", "integrated", "combined_surrogate"),
    ("integrated, combined", "integrated", "combined"),
    ("generative, detectors", "generative", "detectors_max"),
    ("robust", "robust", "classifier_margin"),
)
STRONGER = ("integrated, combined", "generative, detectors", "robust")
"""The scenarios that are tried in a larger ball as well: the strongest on each victim."""
BY_LOSS: tuple[LossName, ...] = ("detectors_max", "cross_entropy", "cw")


def every_scenario(number: int, trained: AttackSpec, stronger: AttackSpec, eps: str) -> SystemEvaluation:
    """Figure 2 or 4: every scenario in the ball of the training, and the strongest ones in a larger ball. `eps` is the
    larger radius as a text, such as "12/255"."""
    scenarios = {name: Scenario(victim=victim, loss=loss, attack=trained) for name, victim, loss in BY_SCENARIO}
    scenarios |= {
        f"{name}, eps {eps}": Scenario(victim=scenarios[name].victim, loss=scenarios[name].loss, attack=stronger)
        for name in STRONGER
    }
    about = "Detection and classification under every attack scenario, at the trained eps and a larger one"
    return SystemEvaluation(name=f"figure-{number}", about=f"{about} (figure {number}).", scenarios=scenarios, count=1000)


def every_loss(number: int, attack: AttackSpec) -> SystemEvaluation:
    """Figure 7 or 9: the generative classifier under attacks with other losses."""
    scenarios = {str(loss): Scenario(victim="generative", loss=loss, attack=attack) for loss in BY_LOSS}
    about = f"Generative detection and classification under attacks with other losses (figure {number})."
    return SystemEvaluation(name=f"figure-{number}", about=about, scenarios=scenarios, count=1000)
