"""Commands and Python for visitors to copy: they give the numbers at a threshold, or choose one."""

from aatviz.runtime import printed
from aatviz.thresholds.choose import Costs
from aatviz.thresholds.curves import Threshold


def command(system: str, threshold: Threshold) -> str:
    """The shell command that prints the numbers of the page at T."""
    if isinstance(threshold, int | float):
        return printed.command("thresholds", system, T=f"{threshold:g}")
    return printed.command("thresholds", system, T_per_class=listed(threshold).replace(" ", ""))


def python_code(system: str, threshold: Threshold) -> str:
    """The Python that prints the numbers of the page at T."""
    value = f"{threshold:g}" if isinstance(threshold, int | float) else f"[{listed(threshold)}]"
    return f"""import aatviz
from aatviz.thresholds import curves

record = curves.load({printed.loaded(system)})
print("generative", curves.at(record.generative, threshold={value}))
print("integrated", curves.at(record.integrated, threshold={value}))
print("robust", record.robust_accuracy, record.robust_error)
"""


def choice_command(system: str, judge: str, by: float | Costs, each: bool) -> str:
    """The shell command that chooses T, or every T_k, as the panel does."""
    costs = f"{by.miss:g},{by.false_alarm:g},{by.prior:g}" if isinstance(by, Costs) else None
    rejection = None if isinstance(by, Costs) else f"{by:g}"
    return printed.command("thresholds", system, costs=costs, clean_rejection=rejection, each=each, judge=judge)


def choice_code(system: str, judge: str, by: float | Costs, classes: int | None) -> str:
    """The Python that chooses T, or every T_k, as the panel does."""
    name = "Costs, choose" if isinstance(by, Costs) else "choose"
    return f"""import aatviz
from aatviz.thresholds import curves
from aatviz.thresholds.choose import {name}

record = curves.load({printed.loaded(system)})
print(choose(record.{judge}, {by!r}{f", classes={classes}" if classes else ""}))
"""


def listed(threshold: Threshold) -> str:
    """T, or all T_k with commas, as the URL, the command line and Python take them."""
    return ", ".join(f"{value:g}" for value in ([threshold] if isinstance(threshold, int | float) else threshold))
