"""Other people's texts in Markdown: shown as they are, and never anything that a reader could click on or load."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from aatviz.ui.common.words import code, literal, lowest, message, quoted, without_marks

LIVE_LATER = (
    r"(?i)https?:\/\/[-.\w]+",
    r"(?i)www\.[-.\w]*",
    r"[-.\w+]+@[-\w]+(\.[-\w]+)+",
    r":[a-z0-9_+\-/]+:",
    r"<-|->|--|>=|<=|~=",
)
"""What the browser makes links, pictures and signs of in the text that comes out of Markdown, behind all its escapes."""
EVIL = (
    "[Click](https://evil.example)", "![x](https://evil.example/x.png)", "www.evil.example", "a@evil.example", ":smile:",
    ":material/home:", ":red[x]", "$x$", "<b>x</b>", "`a`", "a|b", "a -> b", "# a", "[x]: https://evil.example",
)  # fmt: skip
ANY = st.text() | st.sampled_from(EVIL) | st.text("[](){}!<>:/.@$`*_~|\\&-=w#1aehmstp").map(lambda text: text[:60])


def shown(markdown: str) -> str:
    """The text behind the escapes, with the joiners that nobody sees."""
    return re.sub(r"\\([^\w\s])", r"\1", markdown)


@given(ANY)
@example("WWW.evil.example")
@example("~\\=")
def test_a_literal_text_has_no_mark_that_means_something_and_reads_as_it_was(text: str) -> None:
    written = literal(text)
    assert without_marks(written) in (text, without_marks(text))
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>!|$~:&]", written)
    for pattern in LIVE_LATER:
        assert not re.search(pattern, shown(written)), pattern


@given(ANY)
def test_a_quoted_text_stays_within_its_code_span(text: str) -> None:
    written = quoted(text)
    fence = re.match("`+", written)
    assert fence is not None
    inner = written[len(fence[0]) : -len(fence[0])]
    assert written == fence[0] + inner + fence[0]
    assert len(fence[0]) not in {len(run) for run in re.findall("`+", inner)}
    assert "\n" not in written
    assert repr(text[:40]) in inner
    assert code("a") == "`a`"
    assert code("`") == "`` ` ``"


def test_a_message_keeps_its_commands_and_nothing_else() -> None:
    assert message("Run `aatviz train x_y` in a_b.") == r"Run `aatviz train x_y` in a\_b."
    assert message("The name `is odd") == r"The name \`is odd"
    written = message("Folder [a](https://evil.example) is broken.")
    assert without_marks(written) == "Folder [a](https://evil.example) is broken."
    assert written == literal("Folder [a](https://evil.example) is broken.")


def test_the_hardest_detectors_are_those_that_none_equals() -> None:
    assert lowest([0.9, 0.7, 0.8, 0.95], 2) == [1, 2]
    assert lowest([0.9, 0.7, 0.9, 0.9], 2) == [1]
    assert lowest([1.0, 1.0, 1.0], 2) == []
    assert lowest([0.9, 0.8], 2) == [1]
    assert lowest([0.9], 2) == []
