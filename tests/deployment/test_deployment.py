"""The deployment for real: it installs, runs without rights on a read-only tree, and works behind the real proxy."""

import http.client
import io
import os
import re
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from contextlib import closing
from email.message import Message
from pathlib import Path

import pytest
from PIL import Image as Picture
from PIL import ImageDraw
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import settle, visit, visitor
from tests.browser.test_pages import PAGES
from tests.deployment import files
from tests.deployment.conftest import USER, Image, Proxy

TRUSTING = ssl.create_default_context()
TRUSTING.check_hostname, TRUSTING.verify_mode = False, ssl.CERT_NONE


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def get(url: str, method: str = "GET", data: bytes | None = None, **headers: str) -> tuple[int, Message]:
    """The status and the headers of one answer, followed nowhere."""
    opener = urllib.request.build_opener(_Stay, urllib.request.HTTPSHandler(context=TRUSTING))
    try:
        with opener.open(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


@pytest.mark.parametrize("tool", [["hadolint", "Dockerfile"], ["docker-compose", "config", "--quiet"]])
def test_the_files_pass_their_linters(tool: list[str]) -> None:
    if shutil.which(tool[0]) is None:
        pytest.skip(f"there is no {tool[0]} on this machine")
    checked = subprocess.run(tool, cwd=files.ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_health_check_passes(image: Image, app_port: int) -> None:
    command = image.command(files.health_command(), app_port)
    subprocess.run([image.environment / "bin" / command[0], *command[1:]], env=image.variables, check=True)


@pytest.mark.parametrize("path", ["/", "/attack", "/_stcore/health", "/_stcore/metrics", "/static/nothing.js"])
def test_every_answer_has_the_headers(proxy: Proxy, path: str) -> None:
    wanted = files.security_headers()
    for base in (proxy.plain, proxy.encrypted):
        _, found = get(base + path)
        assert {name: found[name] for name in wanted} == wanted
        assert re.fullmatch("nginx", found["Server"])
        assert ("Strict-Transport-Security" in found) == base.startswith("https")


def test_what_is_for_the_machine_itself_is_not_for_visitors(proxy: Proxy, app_port: int) -> None:
    assert get(f"http://127.0.0.1:{app_port}/_stcore/metrics")[0] == 200
    for path in ("metrics", "agent/openapi.json", "script-health-check"):
        assert get(f"{proxy.plain}/_stcore/{path}")[0] == 404


def test_without_encryption_one_is_sent_to_it(proxy: Proxy) -> None:
    status, headers = get(f"{proxy.redirecting}/attack?digit=3", Host="aat.example")
    assert (status, headers["Location"]) == (308, "https://aat.example/attack?digit=3")


def test_an_upload_that_is_too_large_ends_at_the_proxy(proxy: Proxy) -> None:
    assert get(f"{proxy.plain}/_stcore/upload_file/a/b", "PUT", bytes(12_000_000))[0] == 413
    assert get(f"{proxy.plain}/", "POST", bytes(2_000_000))[0] == 413


def test_a_script_that_opens_sessions_without_end_is_slowed_down(proxy: Proxy) -> None:
    """On the encrypted server, whose counts are its own: the plain one is for the browser."""
    status = []
    port = int(proxy.encrypted.rpartition(":")[2])
    with closing(http.client.HTTPSConnection("127.0.0.1", port, context=TRUSTING)) as connection:
        for _ in range(300):
            connection.request("HEAD", "/_stcore/stream")
            with connection.getresponse() as answer:
                answer.read()
                status.append(answer.status)
    assert 429 in status
    assert status.index(429) >= 200, "thirty students behind one address may not be taken for a script"


@pytest.mark.parametrize("path", PAGES)
def test_every_page_works_behind_the_proxy(browser: Browser, proxy: Proxy, path: str) -> None:
    with visitor(browser, proxy.plain) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        visit(page, path)
        assert [url for url in asked if not url.startswith((f"{proxy.plain}/", "data:", f"blob:{proxy.plain}/"))] == []


def attack(page: Page) -> None:
    visit(page, "/attack?steps=6&digit=3&target=5")
    page.get_by_role("button", name="Attack", exact=True).click()
    expect(page.get_by_test_id("step")).to_contain_text(re.compile(r"/ 6$"))
    settle(page)


def test_an_attack_runs_behind_the_proxy(browser: Browser, proxy: Proxy) -> None:
    with visitor(browser, proxy.plain) as page:
        attack(page)


def test_an_attack_runs_encrypted(browser: Browser, proxy: Proxy) -> None:
    with browser.new_context(base_url=proxy.encrypted, ignore_https_errors=True) as context:
        page = context.new_page()
        sockets: list[str] = []
        page.on("websocket", lambda socket: sockets.append(socket.url))
        attack(page)
        assert [url.split(":")[0] for url in sockets] == ["wss"]


def test_a_picture_can_be_uploaded_through_the_proxy(browser: Browser, proxy: Proxy) -> None:
    picture, file = Picture.new("L", (600, 600), 255), io.BytesIO()
    ImageDraw.Draw(picture).line([(150, 120), (450, 120), (270, 510)], fill=0, width=45)
    picture.save(file, "png")
    with visitor(browser, proxy.plain) as page:
        visit(page, "/attack?pick=own")
        page.get_by_role("radio", name="Upload").click()
        page.locator("input[type=file]").set_input_files(
            {"name": "7.png", "mimeType": "image/png", "buffer": file.getvalue()}
        )
        expect(page.get_by_text("says that it is a 7")).to_be_visible()


def test_nothing_was_written_but_to_the_volume(
    image: Image, app_port: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The last test: what the image's user has made since it was started, on the whole machine."""
    with pytest.raises(PermissionError):
        _as_user_write(image.tree / "written")
    _as_user_write(image.data / "written")
    ours = tmp_path_factory.getbasetemp()
    search = ["find", "/", "-xdev", "-uid", str(USER), "-newermt", f"@{image.started:.0f}"]
    found = subprocess.run(search, capture_output=True, text=True, check=False).stdout.split("\n")
    allowed = (str(image.data), *(str(folder) for folder in ours.glob("nginx*")))
    assert str(image.data / "written") in found
    assert [path for path in found if path and not path.startswith(allowed)] == []


def _as_user_write(path: Path) -> None:
    child = os.fork()
    if child == 0:
        os.setgid(USER)
        os.setuid(USER)
        try:
            path.touch()
        except PermissionError:
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise PermissionError(path)
