"""The Learn page, the lessons' banners, and links of one's own, without a browser."""

import contextlib
import io
import re
import shlex
import shutil
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import aatviz
from aatviz import cli
from aatviz.explore.attack_path import trace_attack
from aatviz.store.results import result_file
from aatviz.store.systems import System
from aatviz.ui.lessons import links
from aatviz.ui.lessons.catalogue import LESSONS
from aatviz.ui.lessons.lesson import Lesson
from aatviz.ui.lessons.showcase import build_lessons, load_lessons, sample_index
from aatviz.ui.states import STATES
from tests.changed_systems import described_again

APP = Path(__file__).parents[2] / "app.py"
NAME = "mnist-linf-0.3-shared"
WITH_CASE = [lesson for lesson in LESSONS if lesson.case]


@pytest.fixture(scope="session")
def lessons_file(tiny_systems: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stored results of the lessons' attacks on the tiny shared system, made once."""
    folder = shutil.copytree(tiny_systems / NAME, tmp_path_factory.mktemp("lessons") / NAME)
    return build_lessons(aatviz.load_system(folder))


@pytest.fixture
def stored(lessons_file: Path, tiny_system_folder: Path) -> System:
    """A test's own tiny system, with those results."""
    system = aatviz.load_system(NAME)
    result_file(system, "lessons", "npz").parent.mkdir(exist_ok=True)
    shutil.copy(lessons_file, result_file(system, "lessons", "npz"))
    return system


@pytest.fixture(autouse=True)
def fresh_caches(request: pytest.FixtureRequest) -> None:
    """But the shipped systems, which never change, are loaded once for all tests of them."""
    if "tiny_system_folder" in request.fixturenames:
        st.cache_resource.clear()
        st.cache_data.clear()


def open_page(script: str, url: dict[str, str]) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    app.switch_page(script)
    app.query_params.update(url)
    app.run()
    assert not app.exception
    return app


def learn(step: int | str = 1) -> AppTest:
    return open_page(links.LEARN, {"step": str(step)})


def button(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(button for button in app.button if button.label == label)


def run(app: AppTest) -> AppTest:
    """Run again after a click, with the frame around the page: AppTest knows nothing of `st.navigation`."""
    if "app.sent-to-frame" in app.session_state:
        del app.session_state["app.sent-to-frame"]
    app.run()
    assert not app.exception
    return app


def guess(app: AppTest, lesson: Lesson, option: int) -> AppTest:
    app.radio(key=f"lesson.{lesson.name}.guess").set_value(option)
    run(app)
    button(app, "Reveal").click()
    return run(app)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_lessons_link_sets_its_page_up_without_a_complaint(lesson: Lesson) -> None:
    """On the shipped systems: every parameter is taken as it is, and what is locked or hidden is there."""
    app = open_page(links.PAGES[lesson.page].script, lesson.link)
    assert not any("The link asks for" in element.value for element in (*app.info, *app.caption))
    state = STATES[lesson.page](aatviz.load_system(NAME))
    params = {param.name: param for param in state._params}
    settings = {name: text for name, text in lesson.link.items() if name not in links.LESSON_PARAMS}
    assert params.keys() >= {*settings, *lesson.lock, *lesson.hide}
    for name, text in settings.items():
        assert params[name].write(app.session_state[state.key(name)]) == text, name
    widgets = {w.key: w for kind in ("selectbox", "number_input", "toggle", "slider") for w in app.get(kind)}
    drawn = {name: widgets[state.key(name)].disabled for name in params if state.key(name) in widgets}
    assert {name for name, disabled in drawn.items() if disabled} == drawn.keys() & set(lesson.lock)
    assert any(lesson.title in element.value for element in app.markdown)


@pytest.mark.parametrize("lesson", WITH_CASE, ids=lambda lesson: lesson.name)
def test_the_exercise_is_the_attack_that_the_question_is_about(lesson: Lesson, tiny_system_folder: Path) -> None:
    assert lesson.case is not None
    app = open_page("pages/attack.py", lesson.case.link)
    assert not app.info or "press **Attack**" in app.info[0].value
    assert (
        lesson.case.link.items()
        <= {
            param.name: param.write(app.session_state[f"attack.{param.name}"])
            for param in STATES["attack"](aatviz.load_system(NAME))._params
        }.items()
    )


def test_reveal_waits_for_a_guess(tiny_system_folder: Path) -> None:
    app = learn(3)
    lesson = LESSONS[2]
    radio = app.radio(key=f"lesson.{lesson.name}.guess")
    assert radio.value is None
    assert button(app, "Reveal").disabled
    radio.set_value(0).run()
    assert not button(app, "Reveal").disabled
    assert not app.success
    assert not app.warning
    button(app, "Reveal").click().run()
    assert "Nobody has measured this" in app.info[0].value
    button(app, "Guess again").click().run()
    assert app.radio(key=f"lesson.{lesson.name}.guess").value is None


def test_a_guess_that_fits_and_one_that_does_not(stored: System) -> None:
    lesson = LESSONS[2]
    told = []
    for option in range(len(lesson.options)):
        app = guess(learn(3), lesson, option)
        told.append((len(app.success), len(app.warning)))
        assert app.radio(key=f"lesson.{lesson.name}.guess").disabled
    assert sorted(told) == [(0, 1), (0, 1), (1, 0)]


def test_the_printed_commands_give_the_answers_figures(stored: System) -> None:
    app = guess(learn(3), LESSONS[2], 0)
    (trace,) = load_lessons(stored)["fool-detector"]
    shell, python = (block.value for block in app.code[:2])
    printed = CliRunner().invoke(cli.app, shlex.split(shell)[1:])
    assert printed.exit_code == 0
    row = next(line for line in printed.stdout.splitlines() if line.startswith("    8  "))
    assert float(row.split("->")[1]) == pytest.approx(float(trace.z_h[1, 8]), abs=2e-4)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(python, {})
    logits = [float(number) for number in re.findall(r"-?\d+\.\d+", output.getvalue().partition("tensor")[2])]
    assert logits[8] == pytest.approx(float(trace.z_h[1, 8]), abs=2e-4)
    words = " ".join(element.value for element in (*app.success, *app.warning))
    assert f"to {float(trace.z_h[1, 8]):.1f}" in words


def test_a_lesson_on_the_plane_needs_no_system_and_shows_its_maps_with_the_answer(tiny_system_folder: Path) -> None:
    lesson = next(one for one in LESSONS if one.name == "where-negatives-start")
    app = learn(LESSONS.index(lesson) + 1)
    assert not app.get("image")
    app = guess(app, lesson, 2)
    assert len(app.success) == 1
    assert len(app.get("image")) == 2
    assert {button.label for button in app.get("download_button")} >= {"The pictures (PNG)", "The figures (CSV)"}


@pytest.mark.parametrize("step", ["0", "99", "x", "2.5"])
def test_a_step_that_is_not_there_leads_to_the_first(step: str, tiny_system_folder: Path) -> None:
    app = learn(step)
    assert "There is no such step" in app.info[0].value
    assert app.query_params["step"] == "1"
    assert LESSONS[0].title in app.subheader[0].value


def test_the_banner_keeps_the_guess_and_leaving_unlocks_everything(tiny_system_folder: Path) -> None:
    lesson = LESSONS[2]
    app = guess(open_page("pages/attack.py", lesson.link), lesson, 1)
    assert any(lesson.task in element.value for element in app.markdown)
    assert app.number_input(key="attack.steps").disabled
    button(app, "Leave the lesson (unlock everything)").click()
    run(app)
    assert not {"lesson", "lock", "hide"} & app.query_params.keys()
    assert not app.number_input(key="attack.steps").disabled
    assert not app.radio


def test_a_lesson_on_another_page_leads_to_its_own(tiny_system_folder: Path) -> None:
    app = open_page("pages/thresholds.py", LESSONS[0].link)
    assert any("is on the Attack page" in caption.value for caption in app.caption)
    assert not app.radio


def test_an_unknown_lesson_is_told_kindly_and_locks_nothing(tiny_system_folder: Path) -> None:
    app = open_page("pages/attack.py", {"lesson": "<b>zebra</b>", "lock": "eps,steps", "hide": "victim", "task": "x"})
    assert "no lesson named 'b zebra  b'" in app.text[0].value
    assert not app.number_input(key="attack.steps").disabled
    button(app, "Close this note").click()
    run(app)
    assert not app.text


def test_somebody_elses_task_is_plain_text_and_not_endless(tiny_system_folder: Path) -> None:
    task = "**bold** <script>x</script> " + "long " * 500
    app = open_page("pages/attack.py", {"lesson": "own", "task": task, "lock": "eps, steps"})
    (text,) = app.text
    assert text.value.startswith("**bold** <script>")
    assert len(text.value) <= links.MOST_TASK
    assert app.text_input(key="attack.eps").disabled
    assert app.number_input(key="attack.steps").disabled
    assert not app.selectbox(key="attack.victim").disabled


def test_a_teachers_link_carries_the_settings_that_were_left_on_the_page(tiny_system_folder: Path) -> None:
    app = open_page("pages/attack.py", {"eps": "0.2", "digit": "4"})
    app.switch_page(links.LEARN).run()
    app.multiselect(key="lesson-own-lock-attack").set_value(["eps", "steps"]).run()
    app.multiselect(key="lesson-own-hide-attack").set_value(["seed"]).run()
    app.text_area(key="lesson-own-task").set_value("Make the 4\na 9 & <i>win</i>").run()
    assert not app.exception
    link = urlsplit(app.code[-1].value)
    assert link.path.endswith("/attack")
    params = dict(parse_qsl(link.query))
    assert params["task"] == "Make the 4 a 9 & <i>win</i>"
    assert {"eps": "0.2", "digit": "4", "lock": "eps,steps", "hide": "seed", "system": NAME}.items() <= params.items()
    opened = open_page("pages/attack.py", params)
    assert opened.session_state["attack.eps"] == "0.2"
    assert not any("The link asks for" in info.value for info in opened.info)


@pytest.mark.parametrize("path", links.PAGES)
def test_a_teachers_link_to_any_page_is_one_that_the_page_takes(path: str) -> None:
    app = learn()
    app.selectbox(key="lesson-own-page").set_value(path).run()
    params = dict(parse_qsl(urlsplit(app.code[-1].value).query))
    opened = open_page(links.PAGES[path].script, params)
    assert not any("The link asks for" in element.value for element in (*opened.info, *opened.caption))


def test_stored_results_are_those_of_the_attack_itself_and_of_these_weights_only(stored: System) -> None:
    found = load_lessons(stored)
    assert found.keys() == {lesson.name for lesson in WITH_CASE}
    (trace,) = found["fool-detector"]
    case = LESSONS[2].case
    assert case is not None
    x, y = aatviz.load_data("mnist", split="sample")
    index = sample_index(stored, case)
    direct = trace_attack(stored, case.settings, x[index : index + 1], y[index])
    torch.testing.assert_close(trace.perturbed, direct.perturbed)
    torch.testing.assert_close(trace.z_h[trace.kept], direct.z_h[direct.kept])

    files = stored.card.files
    (stored.folder / files.robust).write_bytes((stored.folder / files.classifier).read_bytes())
    assert load_lessons(described_again(stored.folder)) == {}
