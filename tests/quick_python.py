"""Python processes that start at once: forked from one that has loaded PyTorch, which takes three seconds of a core.

`run` is what a test calls; `python tests/quick_python.py SOCKET -m aatviz.cli ...` is what a shell script calls.
"""

import json
import os
import select
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

PRELOADED = ("torch", "torchvision", "scipy.stats", "sklearn.metrics", "PIL.Image", "safetensors.torch", "typer")
MOST = 1 << 17
"""Bytes of a request: arguments, folder and environment."""


def run(*arguments: object, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """What `python ARGUMENTS` gives, with -m MODULE or -c CODE, in this environment and these variables. A process that a
    signal ended has its negative number as returncode."""
    outputs = [os.memfd_create("output"), os.memfd_create("errors")]
    code = _ask(server(), [str(one) for one in arguments], cwd or Path.cwd(), os.environ | variables, outputs)
    texts = []
    for output in outputs:
        os.lseek(output, 0, os.SEEK_SET)
        with os.fdopen(output, encoding="utf-8") as file:
            texts.append(file.read())
    return subprocess.CompletedProcess(list(arguments), code, *texts)


@cache
def server() -> str:
    """The socket of the process that is forked; started once for a test process, and ended with it."""
    path = f"/tmp/quick-python-{os.getpid()}-{os.urandom(4).hex()}"  # short, as a socket's name must be
    (until, _), (ready, there) = os.pipe(), os.pipe()  # it ends when the pipe's end here is closed, with this process
    os.posix_spawn(
        sys.executable,
        [sys.executable, __file__, "serve", path],
        os.environ | {"OMP_NUM_THREADS": "1"},
        file_actions=[(os.POSIX_SPAWN_DUP2, until, 0), (os.POSIX_SPAWN_DUP2, there, 1)],
    )
    os.close(until)
    os.close(there)
    assert os.read(ready, 6) == b"ready\n"
    os.close(ready)
    return path


def _ask(path: str, arguments: list[str], cwd: Path, variables: dict[str, str], outputs: list[int]) -> int:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(path)
        request = json.dumps({"arguments": arguments, "cwd": str(cwd), "variables": variables}).encode()
        assert len(request) <= MOST, f"{len(request)} bytes are too long a request"
        socket.send_fds(connection, [request], outputs)
        return int(connection.recv(16))


def _serve(path: str) -> None:
    """Fork a process for each request, until the process that started this one ends."""
    from importlib import import_module

    for name in PRELOADED:
        import_module(name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        os.write(1, b"ready\n")
        while listener in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                _answer(connection)
            connection.close()
            while _reaped():
                pass
    os.unlink(path)


def _reaped() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _answer(connection: socket.socket) -> None:
    """Run one request in a process of its own, and say how it ended."""
    request, outputs, *_ = socket.recv_fds(connection, MOST, 2)
    child = os.fork()
    if child == 0:
        connection.close()
        _become(**json.loads(request), outputs=outputs)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    connection.sendall(str(code).encode())
    os._exit(0)


def _become(arguments: list[str], cwd: str, variables: dict[str, str], outputs: list[int]) -> None:
    """Be what `python ARGUMENTS` would be, and end."""
    import atexit
    import runpy
    import threading
    import traceback

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for place, output in enumerate(outputs, 1):
        os.dup2(output, place)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(variables)
    sys.path[:1] = [cwd, *filter(None, variables.get("PYTHONPATH", "").split(os.pathsep))]
    how, what, *rest = arguments
    sys.argv = [how, *rest]
    code = 0
    try:
        if how == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            assert how == "-c"
            main = type(sys)("__main__")
            sys.modules["__main__"] = main
            exec(compile(what, "<string>", "exec"), main.__dict__)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve(sys.argv[2])
    else:
        sys.exit(_ask(sys.argv[1], sys.argv[2:], Path.cwd(), dict(os.environ), [1, 2]))
