"""`aatviz app`: who can reach it, what it says, and what it asks of the outside (nothing)."""

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aatviz.cli import web_app
from tests import quick_python

pytestmark = pytest.mark.slow

STREAMLIT = [sys.executable, "-m", "streamlit", "run", "app.py"]
PATIENCE = 60.0
NEIGHBOUR = next(iter(web_app.own_addresses()), None)
"""This machine under its address in the network: what a neighbour would connect to."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_only_this_machine_unless_it_is_shared() -> None:
    port = free_port()
    assert web_app.start_command(False, port) == [*STREAMLIT, "--server.address=127.0.0.1", f"--server.port={port}"]


def test_shared_it_listens_everywhere_and_still_need_not_ask_for_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_app, "own_addresses", lambda: ["192.168.7.5", "10.0.0.2"])
    command = web_app.start_command(True, free_port())
    assert {"--server.address=0.0.0.0", "--browser.serverAddress=192.168.7.5"} <= set(command)
    monkeypatch.setattr(web_app, "own_addresses", list)
    assert "--browser.serverAddress=localhost" in web_app.start_command(True, free_port())


def test_without_a_checkout_it_says_where_the_app_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_app, "ROOT", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    said = f"no app.py in {tmp_path / 'site-packages'} or in {tmp_path}: the app comes with the repository"
    with pytest.raises(FileNotFoundError, match=re.escape(said)):
        web_app.start_command(False, free_port())


def test_an_installed_package_starts_the_app_of_the_checkout_that_it_is_called_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(web_app.ROOT)
    monkeypatch.setattr(web_app, "ROOT", tmp_path)
    assert web_app.checkout() == Path.cwd()


def test_without_streamlit_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"needs streamlit and plotly.*run `pip install \.\[app\]`"):
        web_app.start_command(False, free_port())


def test_a_port_in_use_is_one_clear_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = quick_python.run("-m", "aatviz.cli", "app", "--port", port)
    assert said.returncode == 1
    assert f"port {port} cannot be used" in said.stderr
    assert "--port" in said.stderr
    assert "Traceback" not in said.stderr


def test_addresses_are_this_machines_own_and_none_of_them_is_the_loopback() -> None:
    for address in web_app.own_addresses():
        assert not address.startswith("127.")
        with socket.socket() as probe:
            probe.bind((address, 0))


def test_without_any_network_there_is_no_address_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", fail)
    monkeypatch.setattr(socket, "gethostbyname_ex", fail)
    assert web_app.own_addresses() == []
    assert "http://ADDRESS:8501" in web_app._notice(8501)


@contextmanager
def started(tmp_path: Path, *arguments: str) -> Iterator[tuple[int, Path, socket.socket]]:
    """The real command from a foreign folder: its port, what it says, and the proxy that asking the outside would use."""
    port, log = free_port(), tmp_path / "log.txt"
    checkout = str(web_app.ROOT)
    with socket.socket() as outside, log.open("w") as output:
        outside.bind(("127.0.0.1", 0))
        outside.listen()
        outside.setblocking(False)
        proxy = f"http://127.0.0.1:{outside.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-m", "aatviz.cli", "app", "--port", str(port), *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": checkout, "http_proxy": proxy, "https_proxy": proxy, "DISPLAY": ""},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            deadline = time.monotonic() + PATIENCE
            while not answers("127.0.0.1", port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield port, log, outside
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
        assert not answers("127.0.0.1", port), "the server outlived the command"


def answers(address: str, port: int) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return bool(direct.open(f"http://{address}:{port}/_stcore/health", timeout=5).status == 200)
    except (urllib.error.URLError, OSError):
        return False


def assert_nothing_was_asked(outside: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        outside.accept()


def listeners(port: int) -> set[str]:
    """The addresses, as the kernel writes them, on which something listens to a port."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return {row[1].rpartition(":")[0] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}


@pytest.mark.skipif(not Path("/proc/net/tcp6").exists(), reason="reads what listens from Linux's /proc")
def test_started_from_any_folder_it_answers_here_and_to_no_neighbour(tmp_path: Path) -> None:
    with started(tmp_path) as (port, log, outside):
        assert listeners(port) == {"0100007F"}
        if NEIGHBOUR:
            with socket.socket() as neighbour, pytest.raises(ConnectionRefusedError):
                neighbour.connect((NEIGHBOUR, port))
        said = log.read_text()
        assert f"http://127.0.0.1:{port}" in said
        assert "External URL" not in said
        assert_nothing_was_asked(outside)


@pytest.mark.long
@pytest.mark.skipif(NEIGHBOUR is None, reason="this machine is in no network")
def test_shared_it_answers_to_neighbours_and_says_what_that_means(tmp_path: Path) -> None:
    with started(tmp_path, "--share") as (port, log, outside):
        assert NEIGHBOUR is not None
        assert answers(NEIGHBOUR, port)
        said = log.read_text()
        assert f"http://{NEIGHBOUR}:{port}" in said
        assert "no password and no encryption" in said
        assert_nothing_was_asked(outside)
