"""The visitor without a browser: what it sees follows the messages as a browser's page would."""

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.classroom.page import Page
from benchmarks.classroom.scenarios import REFUSED, quantile


def message(run: str, *fragments: str, place: tuple[int, ...] = ()) -> ForwardMsg:
    one = ForwardMsg()
    one.metadata.run.script_run_id = run
    one.metadata.run.fragment_ids.extend(fragments)
    one.metadata.delta_path.extend(place)
    return one


def begins(run: str, *fragments: str) -> ForwardMsg:
    one = message(run, *fragments)
    one.new_session.name = "app"
    return one


def draws(text: str, place: int, run: str, *fragments: str) -> ForwardMsg:
    one = message(run, *fragments, place=(0, place))
    one.delta.new_element.markdown.body = text
    one.delta.fragment_id = fragments[0] if fragments else ""
    return one


def ends(run: str, *fragments: str, early: bool = False) -> ForwardMsg:
    one = message(run, *fragments)
    kind = ForwardMsg.FINISHED_EARLY_FOR_RERUN if early else ForwardMsg.FINISHED_SUCCESSFULLY
    one.script_finished = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY if fragments and not early else kind
    return one


def page(*messages: ForwardMsg) -> Page:
    shown = Page()
    for one in messages:
        shown.take(one)
    return shown


def test_what_a_whole_run_does_not_draw_again_goes() -> None:
    first = [begins("1"), draws("stays", 0, "1"), draws("goes", 1, "1"), ends("1")]
    second = [begins("2"), draws("stays", 0, "2"), ends("2")]
    assert list(page(*first, *second).texts()) == ["stays"]


def test_a_run_of_a_fragment_touches_its_own_elements_alone() -> None:
    first = [begins("1"), draws("page", 0, "1"), draws("old", 1, "1", "f"), draws("gone", 2, "1", "f"), ends("1")]
    second = [begins("2", "f"), draws("new", 1, "2", "f"), ends("2", "f")]
    assert list(page(*first, *second).texts()) == ["page", "new"]


def test_a_run_that_was_cut_off_takes_nothing_away() -> None:
    first = [begins("1"), draws("page", 0, "1"), draws("result", 1, "1"), ends("1")]
    assert list(page(*first, begins("2"), ends("2", early=True)).texts()) == ["page", "result"]


def test_a_button_is_found_by_its_label_and_so_is_an_exception() -> None:
    button, broken = message("1", place=(0, 0)), message("1", place=(0, 1))
    button.delta.new_element.button.label, button.delta.new_element.button.id = "Attack", "id of it"
    broken.delta.new_element.exception.message = "no such luck"
    shown = page(begins("1"), button, broken, ends("1"))
    found = shown.button("Attack")
    assert found is not None
    assert found.element.button.id == "id of it"
    assert shown.button("Compare") is None
    assert shown.errors == ["no such luck"]
    shown.take(begins("2"))
    shown.take(ends("2"))
    assert shown.button("Attack") is None
    assert shown.errors == ["no such luck"], "it did happen, also where it is out of sight again"


def view(name: str, place: int, run: str, size: int = 1) -> ForwardMsg:
    one = message(run, place=(0, place))
    one.hash, one.delta.new_element.bidi_component.json = name, "x" * size
    return one


def test_the_view_is_the_largest_component_and_a_new_one_comes_before_an_old_one() -> None:
    shown = page(begins("1"), view("small", 0, "1"), view("player", 1, "1", size=100), ends("1"))
    assert shown.view() == "player"
    shown.take(begins("2"))
    shown.take(view("result", 2, "2", size=50))
    assert shown.view() == "result"
    assert page(begins("1"), ends("1")).view() == ""


def test_the_apps_refusals_are_known() -> None:
    refusals = ["This machine is busy for about 5 min. Come back then.", "You have 3 runs under way already: wait for one."]
    assert all(any(words in refusal for words in REFUSED) for refusal in refusals)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 6), (0.95, 10), (0.0, 1)])
def test_a_quantile_is_one_of_the_values(share: float, expected: float) -> None:
    assert quantile([float(value) for value in range(10, 0, -1)], share) == expected
