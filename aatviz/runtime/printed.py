"""Commands and Python for visitors to copy: quoted for a shell, and valid whatever the name of a system is."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

SAMPLE_LINE = 'x, y = aatviz.load_data(system.card.dataset, split="sample")'
"""The line that loads the bundled images of the data set of `system`; it goes after `system_line`."""


def command(*words: object, **options: Any) -> str:
    """`aatviz` with its words and options, quoted for a shell.

    An option is written as `--its-name value`: a tuple with commas, True as the name alone. None and False are left out.
    """
    parts = ["aatviz", *map(str, words)]
    for name, value in options.items():
        if value is None or value is False:
            continue
        parts.append(f"--{name.replace('_', '-')}")
        if value is not True:
            parts.append(",".join(map(str, value)) if isinstance(value, tuple) else str(value))
    return shlex.join(parts)


def text(value: str) -> str:
    """A string as a Python literal in double quotes."""
    return json.dumps(value, ensure_ascii=False)


def loaded(system: str) -> str:
    """The expression that loads a system."""
    return f"aatviz.load_system({text(system)})"


def system_line(system: str) -> str:
    """The line that loads a system."""
    return f"system = {loaded(system)}"


def settings_lines(kind: str, fields: Mapping[str, Any]) -> str:
    """The Python `settings = KIND(...)`, with one line for each field."""
    return f"settings = {kind}(\n{''.join(f'    {name}={value!r},{chr(10)}' for name, value in fields.items())})"
