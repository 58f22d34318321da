"""The command line, `aatviz COMMAND ...`: each command is one library call."""

import os
import sys
from typing import NoReturn

import typer

from aatviz.cli import attack, compare, data, detector, evaluate, generate, systems, thresholds, train, web_app
from aatviz.runtime.launch import end_with_parent

app = typer.Typer(
    name="aatviz",
    help="See, attack and reproduce asymmetrical adversarial training.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("app")(web_app.web_app)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("report")(evaluate.report)
app.command("thresholds")(thresholds.thresholds)
app.command("attack")(attack.attack)
app.command("compare")(compare.compare)
app.command("generate")(generate.generate)
app.command("detector")(detector.detector)
app.command("systems")(systems.systems)
app.add_typer(data.app, name="data")


def main() -> None:
    """Run a command; an error that has a clear message is shown as that message alone, and so is all that the operating
    system says: a full disk, a folder that may not be written, too little memory."""
    end_with_parent()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # a full disk behind it is found here, not when Python ends
    except OSError as error:
        _end(in_words(error))
    except MemoryError as error:
        _end(f"there is too little memory ({str(error) or 'no more was given'}).")
    except (ValueError, RuntimeError) as error:
        _end(str(error))


def in_words(error: OSError) -> str:
    """What the operating system says, and of which file."""
    if not error.strerror:
        return str(error) or type(error).__name__
    return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."


def _end(why: str) -> NoReturn:
    try:
        sys.stdout.flush()
    except OSError:  # it is what is full, or closed: Python must not try again at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(f"aatviz: {why}")
