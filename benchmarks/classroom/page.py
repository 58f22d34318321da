"""What a browser would show: the elements of a page by their place, kept in step with the server's messages."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


@dataclass
class Shown:
    """One element on the page, with the run and the fragment that drew it, and the server's hash of its message."""

    element: Element
    run: str
    fragment: str
    hash: str

    @property
    def kind(self) -> str | None:
        return self.element.WhichOneof("type")


@dataclass
class Page:
    """The page of one tab."""

    shown: dict[tuple[int, ...], Shown] = field(default_factory=dict)
    script: str = ""
    """The hash by which the server knows the page."""
    scripts: dict[str, str] = field(default_factory=dict)
    """Those of all pages, by their addresses: what a click on the navigation sends."""
    run: str = ""
    fragments: tuple[str, ...] = ()
    errors: list[str] = field(default_factory=list)
    """Whatever went wrong on the page so far, also where it is out of sight again."""

    def take(self, message: ForwardMsg) -> None:
        """Bring the page in step with one message."""
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.run = message.metadata.run.script_run_id
            self.fragments = tuple(message.metadata.run.fragment_ids)
        elif kind == "navigation":
            self.script = message.navigation.page_script_hash
            self.scripts = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
        elif kind == "delta":
            self._draw(message)
        elif kind == "page_not_found":
            self.errors.append(f"There is no page {message.page_not_found.page_name!r}.")
        elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self.errors.append("A page's script could not be read.")
        elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self.shown = {place: one for place, one in self.shown.items() if not self._is_stale(one)}

    def _draw(self, message: ForwardMsg) -> None:
        place = tuple(message.metadata.delta_path)
        if message.delta.WhichOneof("type") != "new_element":
            self.shown.pop(place, None)
            return
        one = Shown(message.delta.new_element, self.run, message.delta.fragment_id, message.hash)
        self.shown[place] = one
        if one.kind == "exception":
            self.errors.append(one.element.exception.message)

    def _is_stale(self, one: Shown) -> bool:
        """Whether the run that ends now should have drawn it again, and has not."""
        drawn_again = not self.fragments or one.fragment in self.fragments
        return drawn_again and one.run != self.run

    def texts(self) -> Iterator[str]:
        """All words in captions, messages and progress bars."""
        for one in list(self.shown.values()):
            if one.kind == "markdown":
                yield one.element.markdown.body
            elif one.kind == "alert":
                yield one.element.alert.body
            elif one.kind == "progress":
                yield one.element.progress.text

    def find(self, *words: str) -> str | None:
        """The first text with any of these words in it."""
        return next((text for text in self.texts() if any(some in text for some in words)), None)

    def button(self, label: str) -> Shown | None:
        """The button of that label."""
        return next((one for one in self.shown.values() if one.kind == "button" and one.element.button.label == label), None)

    def view(self) -> str:
        """A fingerprint of the page's own view, its largest component; "" where it has none.

        In the middle of a run, one that this run has drawn comes before what is left from an earlier one.
        """
        views = [one for one in self.shown.values() if one.kind == "bidi_component"]
        return max(views, key=lambda one: (one.run == self.run, one.element.ByteSize())).hash if views else ""
