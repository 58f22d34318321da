"""What the Dockerfile, .dockerignore and the proxy's configuration say, read for the tests."""

import json
import re
import shlex
import shutil
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
NGINX = ROOT / "deploy" / "nginx"
HEADERS = NGINX / "shared" / "app.conf"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, in order: ("RUN", "pip install ...")."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in text.splitlines() if line.strip())]


def of(name: str) -> list[str]:
    """What all instructions of one name say."""
    return [rest for found, rest in instructions() if found == name]


def steps() -> list[str]:
    """The shell commands of all RUN instructions, one by one."""
    return [step.strip() for run in of("RUN") for step in run.split("&&")]


def variables() -> dict[str, str]:
    """The environment variables that the image sets."""
    return dict(word.split("=", 1) for env in of("ENV") for word in shlex.split(env))


def argument(name: str) -> str:
    """The default of one ARG."""
    return next(value for found, _, value in (arg.partition("=") for arg in of("ARG")) if found == name)


def start_command() -> list[str]:
    """What the container runs."""
    (command,) = of("CMD")
    return list(json.loads(command))


def health_command() -> list[str]:
    """What tells whether the container is well."""
    (check,) = of("HEALTHCHECK")
    return list(json.loads(check.partition("CMD ")[2]))


def copy_context(target: Path) -> None:
    """Copy what .dockerignore lets through, as `COPY . .` does."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*", ".dockerignore is a list of what the image needs"
    excluded = [rule for rule in rules[1:] if not rule.startswith("!")]

    def ignored(folder: str, names: list[str]) -> list[str]:
        inside = Path(folder).relative_to(ROOT)
        return [name for name in names if any(_matches(inside / name, rule) for rule in excluded)]

    for rule in rules:
        source = ROOT / rule[1:]
        if rule.startswith("!") and source.is_dir():
            shutil.copytree(source, target / rule[1:], ignore=ignored)
        elif rule.startswith("!"):
            shutil.copy(source, target / rule[1:])


def _matches(path: Path, rule: str) -> bool:
    if rule.startswith("**/"):
        return fnmatch(path.name, rule[3:])
    parts = rule.split("/")
    return len(path.parts) == len(parts) and all(map(fnmatch, path.parts, parts))


def security_headers() -> dict[str, str]:
    """The headers that the proxy puts on every answer."""
    return dict(re.findall(r'^add_header (\S+) "([^"]*)" always;$', HEADERS.read_text(), re.MULTILINE))


def service(name: str) -> list[str]:
    """The lines of one service in compose.yaml."""
    text = (ROOT / "compose.yaml").read_text().partition("services:\n")[2]
    block = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", text, re.MULTILINE)
    assert block, f"compose.yaml has no service {name}"
    return [line.strip() for line in block[1].splitlines()]
