"""Streamlit's settings, the Dockerfile, the compose file and the proxy: what makes them safe is there and stays there."""

import base64
import hashlib
import re
import tomllib
from pathlib import Path

import pytest
import streamlit
from streamlit import config

from aatviz.runtime.limits import MOST_OWN_BYTES
from aatviz.ui.session.limits import Limits
from tests.deployment import files

SETTINGS = tomllib.loads((files.ROOT / ".streamlit" / "config.toml").read_text())
LIMITS = ("WORKERS", "QUEUE_SECONDS", "JOBS_PER_VISITOR", "MOST_STEPS", "BATCH", "UPLOAD_MB", "RESULT_MB", "TRAINING")
LIMITS += ("TRAINING_MINUTES", "TRAINING_QUEUE", "TRAINING_AWAY", "TRAINING_HOURS", "TRAININGS_KEPT", "TRAINING_MB")


def test_streamlit_knows_every_setting() -> None:
    """A misspelt one would be passed over in silence, and its default would hold."""
    for section, options in SETTINGS.items():
        for name, value in options.items():
            names = [f"{section}.{name}.{part}" for part in value] if isinstance(value, dict) else [f"{section}.{name}"]
            assert config._config_options_template.keys() >= set(names)


def test_the_settings_are_safe() -> None:
    server = SETTINGS["server"]
    assert server["address"] == "127.0.0.1"
    assert set(server["allowedHosts"]) == {"127.0.0.1", "localhost"}
    assert server["enableCORS"] is True
    assert server["enableXsrfProtection"] is True
    assert server["maxUploadSize"] * 1_000_000 >= MOST_OWN_BYTES
    assert max(server["maxUploadSize"], server["maxMessageSize"], server["maxWidgetStateSize"]) <= 50
    assert SETTINGS["browser"]["gatherUsageStats"] is False
    assert SETTINGS["runner"]["postScriptGC"] is False


def test_the_image_ends_as_a_user_without_rights() -> None:
    names = [name for name, _ in files.instructions()]
    last_user = len(names) - 1 - names[::-1].index("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", files.of("USER")[-1])
    assert not {"RUN", "COPY", "ADD"} & set(names[last_user:]), "steps that need root come before USER"
    assert "ADD" not in names


def test_the_image_says_whether_it_is_well_and_writes_to_its_volume_alone() -> None:
    assert "/_stcore/health" in files.health_command()[-1]
    assert files.of("VOLUME") == ["/data"]
    for name in ("HOME", "XDG_CACHE_HOME", "AATVIZ_DATA"):
        assert files.variables()[name].startswith("/data")


def test_the_image_looks_up_no_address_outside() -> None:
    """In a container it has to listen everywhere; without an address to show, Streamlit would ask for its own."""
    flags = dict(flag.removeprefix("--").split("=") for flag in files.start_command() if flag.startswith("--"))
    assert flags["server.address"] == "0.0.0.0"
    assert flags["browser.serverAddress"] == "localhost"
    assert flags.keys() <= config._config_options_template.keys()


REQUIRED = [f"requirements{part}.txt" for part in ("", "-library", "-app", "-dev")]
"""What pyproject.toml and the Dockerfile read versions from."""


def test_the_image_holds_what_the_app_needs_and_no_more(tmp_path: Path) -> None:
    files.copy_context(tmp_path)
    for path in ("app.py", "pages/attack.py", ".streamlit/config.toml", "aatviz/ui/page.css", *REQUIRED):
        assert (tmp_path / path).is_file()
    assert {folder.name for folder in (tmp_path / "checkpoints").iterdir() if folder.is_dir()}
    assert not list(tmp_path.rglob("__pycache__"))
    for path in (".git", "tests", "benchmarks", "docs", "runs", ".venv"):
        assert not (tmp_path / path).exists()


@pytest.mark.parametrize("name", ["app", "proxy"])
def test_each_container_can_do_little(name: str) -> None:
    lines = files.service(name)
    assert "read_only: true" in lines
    assert "cap_drop: [ALL]" in lines
    assert 'security_opt: ["no-new-privileges:true"]' in lines
    for key in ("tmpfs", "mem_limit", "cpus", "pids_limit"):
        assert any(line.startswith(f"{key}:") for line in lines)


def test_only_the_proxy_can_be_reached_and_the_app_reaches_nothing() -> None:
    app, proxy = files.service("app"), files.service("proxy")
    assert not any(line.startswith("ports:") for line in app)
    assert 'ports: ["${AATVIZ_BIND:-127.0.0.1}:${AATVIZ_PORT:-8080}:8080"]' in proxy
    assert "networks: [inside]" in app
    assert "inside: { internal: true }" in (files.ROOT / "compose.yaml").read_text()
    for limit in LIMITS:
        assert f"- AATVIZ_{limit}" in app


def test_the_proxy_sets_the_headers_on_every_answer() -> None:
    assert {
        "Content-Security-Policy",
        "X-Content-Type-Options",
        "X-Frame-Options",
        "Referrer-Policy",
        "Permissions-Policy",
        "Cross-Origin-Opener-Policy",
    } <= files.security_headers().keys()
    text = files.HEADERS.read_text()
    assert not re.search(r"^[ \t]+add_header", text, re.MULTILINE), "one in a location would drop all others there"
    assert "Strict-Transport-Security" in (files.NGINX / "tls.conf").read_text()


def test_the_policy_allows_streamlits_own_inline_script_and_no_other() -> None:
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    inline = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in inline}
    policy = files.security_headers()["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    scripts = set(directives["script-src"].split())
    assert {source for source in scripts if source.startswith("'sha256-")} == hashes
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "https:", "http:", "data:"} & scripts
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'self'"


def test_the_proxy_passes_websockets_and_an_upload_as_large_as_the_app_takes() -> None:
    text = files.HEADERS.read_text()
    assert re.search(r"proxy_set_header Upgrade\s+\$http_upgrade;", text)
    (upload,) = re.findall(r"upload_file.*?client_max_body_size (\d+)m;", text, re.DOTALL)
    assert int(upload) > max(SETTINGS["server"]["maxUploadSize"], Limits().training_mb)


def test_the_documentation_names_every_header_and_leaves_room_for_what_is_measured() -> None:
    text = (files.ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    assert [name for name in files.security_headers() if f"`{name}`" not in text] == []
    teaching = (files.ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    assert all(f"<!-- {part}: {end} -->" in text for part in ("limits", "classroom") for end in ("begin", "end"))
    assert all(f"<!-- classroom: {end} -->" in teaching for end in ("begin", "end"))
