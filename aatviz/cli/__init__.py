"""The command line, `aatviz COMMAND ...`: each command is one library call."""

import os
import sys
from typing import NoReturn

import typer

from aatviz.cli import attack, compare, data, detector, evaluate, generate, systems, thresholds, train, web_app

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
    """Run a command. An error with a clear message is shown as that message alone, without a traceback; so are errors of the
    operating system, such as a full disk, a folder that may not be written or too little memory."""
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # where output goes to a full disk, the error comes here, not when Python ends
    except OSError as error:
        _end(in_words(error))
    except MemoryError as error:
        _end(f"there is too little memory ({str(error) or 'no more was given'}).")
    except (ValueError, RuntimeError) as error:
        _end(str(error))


def in_words(error: OSError) -> str:
    """The operating system's message, with the file that it is about."""
    if not error.strerror:
        return str(error) or type(error).__name__
    return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."


def _end(why: str) -> NoReturn:
    try:
        sys.stdout.flush()
    except OSError:  # the output itself is full or closed: Python must not flush it again when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(f"aatviz: {why}")
