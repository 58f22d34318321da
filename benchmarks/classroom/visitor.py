"""A visitor without a browser: a session over the app's own websocket, with the timers that a browser would run."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from benchmarks.classroom.page import Page

PATIENCE = 300.0
"""Seconds after which a visitor gives up."""
LARGEST_MESSAGE = 64 * 2**20
KEPT_FOR = 2
"""Whole runs for which a browser keeps a large message that is not shown again (Streamlit's own default)."""


class GaveUp(RuntimeError):
    """A page or a result did not come in time, or the connection was lost."""


class Visitor:
    """One browser tab, as the server sees it: `async with Visitor(url) as visitor`."""

    def __init__(self, url: str) -> None:
        self.url = url.replace("http", "ws", 1) + "/_stcore/stream"
        self.page = Page()
        self.query = ""
        self.finished_runs = 0
        self._whole_runs = 0
        self._socket: ClientConnection | None = None
        self._listener: asyncio.Task[None] | None = None
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Condition()
        self._kept: dict[str, tuple[ForwardMsg, int]] = {}
        """Large messages by their hashes, with the number of the whole run that used them last."""

    async def __aenter__(self) -> "Visitor":
        try:
            self._socket = await connect(
                self.url,
                subprotocols=["streamlit"],
                max_size=LARGEST_MESSAGE,
                ping_interval=None,
                open_timeout=PATIENCE,
                proxy=None,  # never out of this machine
            )
        except (OSError, WebSocketException, TimeoutError) as error:
            raise GaveUp(f"There was no connection ({error!r}).") from error
        self._listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_timers()
        if self._listener is not None:
            self._listener.cancel()
        if self._socket is not None:
            await self._socket.close()

    async def open(self, path: str, query: str = "") -> float:
        """Begin at a page's address ("" is the first page's); the seconds until its script has run."""
        self.query = query
        return await self._go(path, "")

    async def change(self, path: str, query: str = "") -> float:
        """Follow a link to a page within the app; the seconds until its script has run."""
        if path not in self.page.scripts:
            raise GaveUp(f"The navigation has no page {path!r}; it has {sorted(self.page.scripts)}.")
        self.query = query
        return await self._go("", self.page.scripts[path])

    async def _go(self, name: str, script: str) -> float:
        self._stop_timers()
        started, before = time.perf_counter(), self.finished_runs
        await self._rerun(name=name, script=script)
        await self.until(lambda: self.finished_runs > before)
        return time.perf_counter() - started

    async def press(self, label: str) -> None:
        """Press a button: its fragment runs where it lies in one, else the whole page."""
        button = self.page.button(label)
        if button is None or button.element.button.disabled:
            raise GaveUp(f"There is no button {label!r} to press.")
        await self._rerun(script=self.page.script, pressed=button.element.button.id, fragment=button.fragment)

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

    async def _rerun(
        self, name: str = "", script: str = "", pressed: str = "", fragment: str = "", by_timer: bool = False
    ) -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.fragment_id, state.is_auto_rerun = self.query, fragment, by_timer
        state.page_name, state.page_script_hash = name, script
        state.cached_message_hashes.extend(self._kept)
        if pressed:
            widget = state.widget_states.widgets.add()
            widget.id, widget.trigger_value = pressed, True
        assert self._socket is not None
        try:
            await self._socket.send(message.SerializeToString())
        except WebSocketException as error:
            raise GaveUp(f"The connection was lost ({error!r}).") from error

    async def _listen(self) -> None:
        assert self._socket is not None
        try:
            async for content in self._socket:
                message = ForwardMsg()
                assert isinstance(content, bytes)
                message.ParseFromString(content)
                await self._take(message)
        finally:
            async with self._changed:
                self._changed.notify_all()

    async def _take(self, message: ForwardMsg) -> None:
        message = self._whole(message)
        kind = message.WhichOneof("type")
        self._keep_time(message, kind)
        self.page.take(message)
        if kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        if kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self.finished_runs += 1
            if not message.metadata.run.fragment_ids:
                self._forget()
        if kind in ("script_finished", "delta"):
            async with self._changed:
                self._changed.notify_all()

    def _whole(self, message: ForwardMsg) -> ForwardMsg:
        """The message itself; where it only names one that the browser keeps, that one at its new place."""
        if message.WhichOneof("type") != "ref_hash":
            if message.metadata.cacheable:
                self._kept[message.hash] = message, self._whole_runs
            return message
        whole = ForwardMsg()
        whole.CopyFrom(self._kept[message.ref_hash][0])
        whole.metadata.CopyFrom(message.metadata)
        self._kept[message.ref_hash] = whole, self._whole_runs
        return whole

    def _forget(self) -> None:
        self._whole_runs += 1
        self._kept = {name: one for name, one in self._kept.items() if self._whole_runs - one[1] <= KEPT_FOR}

    def _keep_time(self, message: ForwardMsg, kind: str | None) -> None:
        """The browser's timers: a fragment that asks for it is run again and again."""
        if kind == "auto_rerun":
            fragment, interval = message.auto_rerun.fragment_id, message.auto_rerun.interval
            self._stop_timers([fragment])
            self._timers[fragment] = asyncio.create_task(self._tick(fragment, interval))
        elif kind == "stop_auto_rerun":
            self._stop_timers(message.stop_auto_rerun.fragment_ids)
        elif kind == "new_session" and not message.metadata.run.fragment_ids:
            self._stop_timers()

    def _stop_timers(self, fragments: Iterable[str] | None = None) -> None:
        """Those of some fragments, or all."""
        for fragment in tuple(self._timers) if fragments is None else fragments:
            if timer := self._timers.pop(fragment, None):
                timer.cancel()

    async def _tick(self, fragment: str, interval: float) -> None:
        with suppress(GaveUp):  # whoever waits for a result hears of a lost connection
            while True:
                await asyncio.sleep(interval)
                await self._rerun(script=self.page.script, fragment=fragment, by_timer=True)
