"""Commands and Python for visitors to copy: they give the numbers of the pages Attack, Compare and Generate again."""

import dataclasses

from aatviz.attacks.settings import AttackSettings
from aatviz.explore.attack_grid.result import CompareSettings
from aatviz.explore.generation.result import GenerateSettings
from aatviz.runtime.printed import SAMPLE_LINE, command, settings_lines, system_line

OWN_PICTURE = "own-image.png"
"""The file name under which the printed commands expect an image that is not of the bundled sample."""


def attack_command(system: str, settings: AttackSettings, index: int | None = None, *, label: int | None = None) -> str:
    """The shell command that runs this attack: on image `index` of the bundled sample, or, with `label=` in its place, on
    an image of that class in `OWN_PICTURE`."""
    _check_source(index, label)
    image = None if label is None else OWN_PICTURE
    return command("attack", system, index=index, image=image, label=label, **_fields(settings))


def attack_code(system: str, settings: AttackSettings, index: int | None = None, *, label: int | None = None) -> str:
    """The Python that runs this attack; `index` and `label` as in `attack_command`."""
    _check_source(index, label)
    named = {name: value for name, value in _fields(settings).items() if value is not None}
    reader, image, attacked = "", SAMPLE_LINE, f"x[{index}:{(index or 0) + 1}], y[{index}]"
    if label is not None:
        reader = "from aatviz.data.own_image import read_picture\n"
        image = f'x = read_picture("{OWN_PICTURE}", system.card.dataset).image'
        attacked = f"x, {label}"
    return (
        "import aatviz\nfrom aatviz.attacks.settings import AttackSettings\n"
        f"{reader}from aatviz.explore.attack_path import trace_attack\n\n"
        f"{system_line(system)}\n"
        f"{image}\n"
        f"{settings_lines('AttackSettings', named)}\n"
        f"trace = trace_attack(system, settings, {attacked})\n"
        "print(trace.kept, trace.linf, trace.l2)\n"
        "print(trace.z_h[trace.kept])  # the detectors' logits of the result\n"
    )


def comparison_command(system: str, settings: CompareSettings) -> str:
    """The shell command that makes this comparison on the bundled sample."""
    return command("compare", system, **_fields(settings))


def comparison_code(system: str, settings: CompareSettings) -> str:
    """The Python that makes this comparison on the bundled sample and prints the numbers under each grid."""
    return (
        "import aatviz\n"
        "from aatviz.explore.attack_grid.run import compare, natural_logits\n"
        "from aatviz.explore.attack_grid.result import CompareSettings\n\n"
        f"{system_line(system)}\n"
        f"{SAMPLE_LINE}\n"
        f"{settings_lines('CompareSettings', _fields(settings))}\n"
        "grid = compare(system, settings, x, y)\n"
        "for model in settings.models:\n"
        "    print(model, grid.summary(system, model, natural_logits(system, model, x, y)))\n"
        "    print(grid.after(model))  # the target logits, a row a sample, a column a target\n"
    )


def generation_command(system: str, settings: GenerateSettings) -> str:
    """The shell command that generates these images and prints the same numbers."""
    return command("generate", system, **_numbers(settings))


def generation_code(system: str, settings: GenerateSettings) -> str:
    """The Python that generates these images and prints the same numbers."""
    return (
        "import aatviz\n"
        "from aatviz.explore.attack_grid.result import MODELS\n"
        "from aatviz.explore.generation.run import generate\n"
        "from aatviz.explore.generation.result import GenerateSettings\n\n"
        f"{system_line(system)}\n"
        f"{settings_lines('GenerateSettings', _numbers(settings))}\n"
        "made = generate(system, settings)\n"
        'print("noise", made.judged_as_target(None))\n'
        "for model in MODELS:\n"
        "    print(model, made.judged_as_target(model), made.sure(model))\n"
        "    print(made.logits[model])  # the target logits, a row a class, a column a sample\n"
    )


def _numbers(settings: GenerateSettings) -> dict[str, object]:
    """The fields that the numbers depend on."""
    return {name: value for name, value in _fields(settings).items() if name != "most_frames"}


def _fields(settings: AttackSettings | CompareSettings | GenerateSettings) -> dict[str, object]:
    """The settings by name; options of the command line and arguments in Python have the same names."""
    return {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}


def _check_source(index: int | None, label: int | None) -> None:
    if (index is None) == (label is None):
        raise ValueError(f"One of index= (a bundled image) and label= (one's own image) is needed; got {index}, {label}.")
