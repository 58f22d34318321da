"""`aatviz app`: the web app, for this machine alone or for everybody in its network."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).parents[2]
"""The folder that holds the package. In a checkout, app.py, the pages and Streamlit's settings lie there too."""
NEEDED = ("streamlit", "plotly")
ONLY_HERE, EVERYWHERE = "127.0.0.1", "0.0.0.0"


def web_app(
    share: Annotated[
        bool, typer.Option("--share", help="For a class: let everybody in this network use it. Nothing is encrypted.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port that it answers on.")] = 8501,
) -> None:
    """Start the web app. Only this machine can reach it, unless it is shared."""
    command = start_command(share, port)
    if share:
        typer.echo(_notice(port))
    raise typer.Exit(_run(command))


def start_command(share: bool, port: int) -> list[str]:
    """The command line that starts the app with the checkout's settings.

    Raises FileNotFoundError without a checkout, RuntimeError without the app's packages or where the port cannot be used.
    """
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise RuntimeError(
            f"the app needs {' and '.join(missing)}, which {sys.executable} does not have: run `pip install .[app]` in the "
            "repository's folder."
        )
    checkout()
    address = EVERYWHERE if share else ONLY_HERE
    _require_free(address, port)
    options = {"server.address": address, "server.port": port}
    if share:
        # Without an address to show, Streamlit would ask a server on the internet for this machine's. Visitors may use any
        # name of this machine, and errors show them no paths.
        shown = next(iter(own_addresses()), "localhost")
        options |= {"browser.serverAddress": shown, "server.allowedHosts": "*", "client.showErrorDetails": "type"}
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", "app.py", *flags]


def checkout() -> Path:
    """The folder of the repository: the one around the package, else the current one.

    Raises FileNotFoundError where neither holds the app.
    """
    for folder in (ROOT, Path.cwd()):
        if (folder / "app.py").is_file() and (folder / "aatviz" / "ui").is_dir():
            return folder
    raise FileNotFoundError(
        f"there is no app.py in {ROOT} or in {Path.cwd()}: the app comes with the repository, not with the installed "
        "package alone. Clone the repository, and run `aatviz app` in its folder."
    )


def own_addresses() -> list[str]:
    """This machine's IPv4 addresses in its networks, the likeliest first; found without sending anything."""
    found = []
    # without a route there is no network, or a hotspot of this machine alone
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("10.255.255.255", 1))  # a datagram's connect only asks the routing table
        found.append(probe.getsockname()[0])
    with suppress(OSError):
        found += socket.gethostbyname_ex(socket.gethostname())[2]
    return [address for address in dict.fromkeys(found) if not address.startswith(("127.", "0."))]


def _notice(port: int) -> str:
    addresses = own_addresses()
    typed = "\n".join(f"    http://{address}:{port}" for address in addresses)
    if not addresses:
        typed = f"    http://ADDRESS:{port}   (this machine's address, from its network settings: none was found)"
    return (
        f"Everybody in this network can now use the app. Students type:\n\n{typed}\n\n"
        "There is no password and no encryption: anybody in the network may use it, and read what others send. Share it in "
        "a network that you trust, only while the class needs it. Ctrl+C ends it. docs/teaching.md has more."
    )


def _require_free(address: str, port: int) -> None:
    with socket.socket() as probe:
        if os.name == "posix":  # a port that was just given back is free; on Windows this option would take one in use
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise RuntimeError(
                f"port {port} cannot be used ({error.strerror}). Perhaps the app is running already: end it, or choose "
                "another port with --port."
            ) from None


def _run(command: list[str]) -> int:
    """Run the server until it ends, and end it when this process is told to. Returns its exit status as a shell has it."""
    with subprocess.Popen(command, cwd=checkout()) as server:
        signal.signal(signal.SIGTERM, lambda *_: server.terminate())
        while True:
            try:
                status = server.wait()
                return status if status >= 0 else 128 - status
            except KeyboardInterrupt:
                server.terminate()
