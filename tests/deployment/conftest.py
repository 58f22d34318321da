"""What an image and its containers would be, without a container engine: a fresh environment, a read-only tree, a proxy."""

import http.client
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser.conftest import PATIENCE, browser, free_port
from tests.deployment import files

__all__ = ["browser"]
OF_ROOT = ("useradd ", "install -d ")
"""The image's steps that would make a user on this machine; here the tree belongs to the same number without a name."""
USER, GROUP = map(int, files.of("USER")[-1].split(":"))


@dataclass(frozen=True)
class Image:
    """What `docker build` makes: the tree that nobody can write to, the environment, and the one writable folder."""

    tree: Path
    environment: Path
    data: Path
    started: float
    """When all of it was there."""

    @property
    def variables(self) -> dict[str, str]:
        """The image's variables with this machine's paths."""
        said = {name: value.replace("/data", str(self.data)) for name, value in files.variables().items()}
        return {"PATH": f"{self.environment / 'bin'}:/usr/bin:/bin"} | said

    def command(self, command: list[str], port: int) -> list[str]:
        """A command of the image, on a port of the loopback."""
        return [part.replace("8501", str(port)).replace("0.0.0.0", "127.0.0.1") for part in command]


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The Dockerfile's steps; an environment that $AATVIZ_INSTALLED names stands for theirs, to save the minutes."""
    if os.getuid() != 0:
        raise RuntimeError("These tests become the image's user: run them as root.")
    folder = tmp_path_factory.mktemp("image")
    for parent in (folder, *folder.parents[:-1]):
        parent.chmod(parent.stat().st_mode | 0o055)
    tree, data = folder / "app", folder / "data"
    tree.mkdir()
    files.copy_context(tree)
    installed = os.environ.get("AATVIZ_INSTALLED")
    environment = Path(installed) if installed else folder / "environment"
    if not installed:
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        index = os.environ.get("TORCH_INDEX", files.argument("TORCH_INDEX"))
        variables = os.environ | {"TORCH_INDEX": index, "PATH": f"{environment / 'bin'}:{os.environ['PATH']}"}
        for step in files.steps():
            if not step.startswith(OF_ROOT):
                subprocess.run(["sh", "-ec", step], cwd=tree, env=variables, check=True)
    subprocess.run(["chmod", "-R", "a-w,a+rX", tree], check=True)
    data.mkdir()
    os.chown(data, USER, GROUP)
    return Image(tree, environment, data, time.time())


@contextmanager
def as_user(command: list[str], log: Path, cwd: Path, variables: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the image's user, without any right, until the block ends."""
    become = ["setpriv", f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
    with log.open("w") as output:
        process = subprocess.Popen([*become, *command], cwd=cwd, env=variables, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until something answers at the port, whatever it says, or its process ends."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
                connection.request("GET", "/_stcore/health")
                connection.getresponse()
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"Nothing answers at port {port}; it said:\n{log.read_text()}")


@pytest.fixture(scope="session")
def app_port(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the app, started as the container starts it."""
    port, log = free_port(), tmp_path_factory.mktemp("app") / "log.txt"
    command = image.command(files.start_command(), port)
    command[0] = str(image.environment / "bin" / command[0])
    with as_user(command, log, image.tree, image.variables) as process:
        wait_for(port, process, log)
        yield port


@dataclass(frozen=True)
class Proxy:
    """Where nginx answers, started with each of the two configurations."""

    plain: str
    redirecting: str
    encrypted: str


@pytest.fixture(scope="session")
def proxy(app_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """The real nginx in front of the app, with the shipped configuration but for its paths and ports."""
    if shutil.which("nginx") is None:
        raise RuntimeError("These tests need nginx: install it so that the command 'nginx' is found.")
    plain, redirecting, encrypted = free_port(), free_port(), free_port()
    with (
        _nginx("http", {"8080": plain}, app_port, tmp_path_factory),
        _nginx("tls", {"8080": redirecting, "8443": encrypted}, app_port, tmp_path_factory),
    ):
        yield Proxy(f"http://127.0.0.1:{plain}", f"http://127.0.0.1:{redirecting}", f"https://127.0.0.1:{encrypted}")


@contextmanager
def _nginx(name: str, ports: dict[str, int], app_port: int, factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = factory.mktemp("nginx")
    certificates = folder / "certs"
    certificates.mkdir()
    paths = {
        "/etc/nginx/aatviz": str(folder),
        "/etc/nginx/certs": str(certificates),
        "/tmp/aatviz-static": f"{folder}/static",
    }
    changes = paths | {"server app:8501": f"server 127.0.0.1:{app_port}"}
    changes |= {f"listen {inside} ": f"listen 127.0.0.1:{outside} " for inside, outside in ports.items()}
    for source in (files.NGINX / f"{name}.conf", *sorted((files.NGINX / "shared").iterdir())):
        text = source.read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        (folder / source.name).write_text(text)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\ninclude /etc/nginx/mime.types;\naccess_log off;\n{temporary}include {folder}/{name}.conf;\n}}\n"
    )
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    written = ["-keyout", str(certificates / "privkey.pem"), "-out", str(certificates / "fullchain.pem")]
    subprocess.run([*make.split(), *written], check=True, capture_output=True)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, USER, GROUP)
    log = folder / "log.txt"
    with as_user(
        ["nginx", "-e", "stderr", "-c", f"{folder}/nginx.conf"], log, folder, {"PATH": "/usr/sbin:/usr/bin"}
    ) as process:
        wait_for(ports["8080"], process, log)
        yield
