"""The command line, `aatviz COMMAND ...`: each command is one library call."""

import sys

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
    """Run a command; an error that has a clear message is shown as that message alone."""
    try:
        app()
    except (ValueError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f"aatviz: {error}")
