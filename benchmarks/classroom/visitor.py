"""A visitor without a browser: a session over the app's own websocket, with the timers that a browser would run."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

PATIENCE = 300.0
"""Seconds after which a visitor gives up."""
LARGEST_MESSAGE = 64 * 2**20


class GaveUp(RuntimeError):
    """A page or a result did not come in time, or the connection was lost."""


@dataclass
class Shown:
    """One element on the page, with the run and the fragment that drew it."""

    element: Element
    run: str
    fragment: str


@dataclass
class Page:
    """What a browser would show: elements by their place, kept in step with the messages."""

    shown: dict[tuple[int, ...], Shown] = field(default_factory=dict)
    script: str = ""
    """The hash by which the server knows the page."""
    run: str = ""
    fragments: tuple[str, ...] = ()

    def take(self, message: ForwardMsg) -> None:
        """Bring the page in step with one message."""
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.run = message.metadata.run.script_run_id
            self.fragments = tuple(message.metadata.run.fragment_ids)
        elif kind == "navigation":
            self.script = message.navigation.page_script_hash
        elif kind == "delta":
            place = tuple(message.metadata.delta_path)
            if message.delta.WhichOneof("type") == "new_element":
                self.shown[place] = Shown(message.delta.new_element, self.run, message.delta.fragment_id)
            else:
                self.shown.pop(place, None)
        elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self.shown = {place: one for place, one in self.shown.items() if not self._is_stale(one)}

    def _is_stale(self, one: Shown) -> bool:
        """Whether the run that ends now should have drawn it again, and has not."""
        drawn_again = not self.fragments or one.fragment in self.fragments
        return drawn_again and one.run != self.run

    def texts(self) -> Iterator[str]:
        """All words in captions, messages and progress bars."""
        for one in list(self.shown.values()):
            kind = one.element.WhichOneof("type")
            if kind == "markdown":
                yield one.element.markdown.body
            elif kind == "alert":
                yield one.element.alert.body
            elif kind == "progress":
                yield one.element.progress.text

    def find(self, words: str) -> str | None:
        """The first text with these words in it."""
        return next((text for text in self.texts() if words in text), None)

    def button(self, label: str) -> Shown | None:
        """The button of that label."""
        of_kind = (one for one in self.shown.values() if one.element.WhichOneof("type") == "button")
        return next((one for one in of_kind if one.element.button.label == label), None)

    def exceptions(self) -> list[str]:
        """What went wrong on the page."""
        return [
            one.element.exception.message for one in self.shown.values() if one.element.WhichOneof("type") == "exception"
        ]


class Visitor:
    """One browser tab, as the server sees it: `async with Visitor(url) as visitor`."""

    def __init__(self, url: str) -> None:
        self.url = url.replace("http", "ws", 1) + "/_stcore/stream"
        self.page = Page()
        self.query = ""
        self.finished_runs = 0
        self.messages = 0
        self._socket: ClientConnection | None = None
        self._listener: asyncio.Task[None] | None = None
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Condition()
        self._kept: dict[str, ForwardMsg] = {}

    async def __aenter__(self) -> "Visitor":
        self._socket = await connect(self.url, subprotocols=["streamlit"], max_size=LARGEST_MESSAGE, ping_interval=None)
        self._listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in (*self._timers.values(), self._listener):
            if task is not None:
                task.cancel()
        assert self._socket is not None
        await self._socket.close()

    async def open(self, path: str, query: str = "") -> float:
        """Go to a page by its address; the seconds until its script has run."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.query = query
        started, before = time.perf_counter(), self.finished_runs
        await self._rerun(path=path)
        await self.until(lambda: self.finished_runs > before)
        return time.perf_counter() - started

    async def press(self, label: str) -> None:
        """Press a button: its fragment runs where it lies in one, else the whole page."""
        button = self.page.button(label)
        if button is None or button.element.button.disabled:
            raise GaveUp(f"There is no button {label!r} to press.")
        await self._rerun(pressed=button.element.button.id, fragment=button.fragment)

    async def until(self, true: Callable[[], object]) -> None:
        """Wait until something is so. GaveUp where patience or the connection ends first."""
        assert self._listener is not None

        async def wait() -> None:
            async with self._changed:
                await self._changed.wait_for(lambda: true() or self._lost)

        try:
            await asyncio.wait_for(wait(), PATIENCE)
        except TimeoutError:
            raise GaveUp(f"Nothing came in {PATIENCE:g} s.") from None
        if self._lost and not true():
            error = self._listener.exception() if self._listener.done() and not self._listener.cancelled() else None
            raise GaveUp(f"The connection was lost ({error!r}).")

    @property
    def _lost(self) -> bool:
        return self._listener is None or self._listener.done()

    async def _rerun(self, path: str = "", pressed: str = "", fragment: str = "", by_timer: bool = False) -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.fragment_id, state.is_auto_rerun = self.query, fragment, by_timer
        if path:
            state.page_name = path
        else:
            state.page_script_hash = self.page.script
        if pressed:
            widget = state.widget_states.widgets.add()
            widget.id, widget.trigger_value = pressed, True
        assert self._socket is not None
        await self._socket.send(message.SerializeToString())

    async def _listen(self) -> None:
        try:
            await self._take_all()
        finally:
            async with self._changed:
                self._changed.notify_all()

    async def _take_all(self) -> None:
        assert self._socket is not None
        async for content in self._socket:
            message = ForwardMsg()
            assert isinstance(content, bytes)
            message.ParseFromString(content)
            self.messages += 1
            kind = message.WhichOneof("type")
            if kind == "ref_hash":
                whole = ForwardMsg()
                whole.CopyFrom(self._kept[message.ref_hash])
                whole.metadata.CopyFrom(message.metadata)
                message, kind = whole, whole.WhichOneof("type")
            elif message.metadata.cacheable:
                self._kept[message.hash] = message
            self._keep_time(message, kind)
            self.page.take(message)
            if kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            if kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                self.finished_runs += 1
            if kind in ("script_finished", "delta"):
                async with self._changed:
                    self._changed.notify_all()

    def _keep_time(self, message: ForwardMsg, kind: str | None) -> None:
        """The browser's timers: a fragment that asks for it is run again and again."""
        if kind == "auto_rerun":
            fragment, interval = message.auto_rerun.fragment_id, message.auto_rerun.interval
            if timer := self._timers.pop(fragment, None):
                timer.cancel()
            self._timers[fragment] = asyncio.create_task(self._tick(fragment, interval))
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                if timer := self._timers.pop(fragment, None):
                    timer.cancel()
        elif kind == "new_session" and not message.metadata.run.fragment_ids:
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()

    async def _tick(self, fragment: str, interval: float) -> None:
        with suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(interval)
                await self._rerun(fragment=fragment, by_timer=True)
