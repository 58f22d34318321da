"""The visitor without a browser against a server made by hand, and a small class in the real app."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.classroom import scenarios, visitor
from benchmarks.classroom.app import running
from benchmarks.classroom.visitor import GaveUp, Visitor

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LARGE = {"bidi_component": {"json": "a large view"}}


class Server:
    """Speaks as Streamlit's does; `answer` says what follows a visitor's wish."""

    def __init__(self, answer: Callable[["Server", ClientState], Awaitable[None]]) -> None:
        self.answer = answer
        self.asked: list[ClientState] = []
        self.runs = 0

    async def __call__(self, socket: ServerConnection) -> None:
        self.socket = socket
        async for content in socket:
            assert isinstance(content, bytes)
            self.asked.append(BackMsg.FromString(content).rerun_script)
            await self.answer(self, self.asked[-1])

    async def say(self, place: int = 0, cacheable: bool = False, **parts: Any) -> None:
        """One message; `place` is where it draws."""
        one = ForwardMsg(**parts)
        one.metadata.run.script_run_id = str(self.runs)
        one.metadata.delta_path.extend([0, place])
        one.metadata.cacheable = cacheable
        await self.socket.send(one.SerializeToString())

    async def begin(self) -> None:
        self.runs += 1
        pages = [{"url_pathname": path, "page_script_hash": f"hash of {path}"} for path in scenarios.PAGES]
        await self.say(new_session={"name": "app"})
        await self.say(navigation={"page_script_hash": "hash of attack", "app_pages": pages})

    async def end(self) -> None:
        await self.say(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)

    async def run(self, *elements: dict[str, Any], seconds: float = 0.0) -> None:
        """A whole run that draws these elements."""
        await self.begin()
        for place, element in enumerate(elements):
            await self.say(place, delta={"new_element": element}, hash=f"{self.runs} {place}")
        await asyncio.sleep(seconds)
        await self.end()

    @property
    def presses(self) -> int:
        widgets = [widget for wish in self.asked for widget in wish.widget_states.widgets]
        return sum(widget.id == "id of it" and widget.trigger_value for widget in widgets)


def meet(server: Server, what: Callable[[Visitor], Awaitable[Any]]) -> Any:
    """What a visitor does at a server, and finds there."""

    async def there() -> Any:
        async with serve(server, "127.0.0.1", 0, subprotocols=["streamlit"]) as listening:  # type: ignore[list-item]
            port = next(iter(listening.sockets)).getsockname()[1]
            async with Visitor(f"http://127.0.0.1:{port}") as one:
                return await what(one)

    return asyncio.run(there())


async def press(one: Visitor) -> scenarios.Press:
    await one.open("attack")
    return await scenarios.press_until_done(one, "Attack")


def text(words: str) -> dict[str, Any]:
    return {"markdown": {"body": words}}


def button(disabled: bool = False) -> dict[str, Any]:
    return {"button": {"label": "Attack", "id": "id of it", "disabled": disabled}}


OTHER = text("Below is a stored run.")


def test_a_page_is_asked_for_by_its_address_and_then_as_a_click_on_the_navigation_does() -> None:
    async def what(one: Visitor) -> None:
        await one.open("attack", "index=3")
        await one.change("learn")
        with pytest.raises(GaveUp, match="no page 'nowhere'"):
            await one.change("nowhere")

    server = Server(lambda server, _: server.run())
    meet(server, what)
    asked = [(wish.page_name, wish.page_script_hash, wish.query_string) for wish in server.asked]
    assert asked == [("attack", "", "index=3"), ("", "hash of learn", "")]


def test_a_timer_ticks_until_a_whole_run_comes() -> None:
    async def answer(server: Server, wish: ClientState) -> None:
        if wish.is_auto_rerun:
            return
        await server.run()
        if wish.page_name:
            await server.say(auto_rerun={"interval": 0.02, "fragment_id": "progress"})

    async def what(one: Visitor) -> int:
        await one.open("attack")
        await asyncio.sleep(0.5)
        await one.change("learn")
        heard = len(server.asked)
        await asyncio.sleep(0.2)
        return heard

    server = Server(answer)
    assert meet(server, what) == len(server.asked)
    ticks = [(wish.fragment_id, wish.page_script_hash) for wish in server.asked if wish.is_auto_rerun]
    assert 5 <= len(ticks) <= 25
    assert set(ticks) == {("progress", "hash of attack")}


def test_a_large_message_is_kept_shown_by_its_name_and_forgotten_in_time() -> None:
    async def answer(server: Server, wish: ClientState) -> None:
        await server.begin()
        if server.runs == 1:
            await server.say(0, cacheable=True, hash="large", delta={"new_element": LARGE})
        elif server.runs == 2:
            await server.say(3, cacheable=True, ref_hash="large")
        await server.end()

    async def what(one: Visitor) -> list[str]:
        views = []
        for _ in range(6):
            await one.open("attack")
            views.append(one.page.view())
        return views

    server = Server(answer)
    assert meet(server, what) == ["large", "large", "", "", "", ""]
    assert [list(wish.cached_message_hashes) for wish in server.asked] == [[], *[["large"]] * 3, [], []]


def test_who_is_turned_away_presses_again_and_who_waits_sees_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenarios, "AGAIN", 0.05)

    async def answer(server: Server, wish: ClientState) -> None:
        if server.presses == 0:
            await server.run(button(), OTHER, LARGE)
        elif server.presses == 1:
            await server.run(button(), OTHER, LARGE, text("16 runs are waiting already; try again in a minute."))
        else:
            await server.run(button(disabled=True), OTHER, LARGE, text("Waiting: 2 other runs first, about 7 s in all"))
            await asyncio.sleep(0.1)
            await server.run(button(), LARGE)

    server = Server(answer)
    result = meet(server, press)
    assert server.presses == result.presses == 2
    assert result.refused_without_time == 1
    assert result.errors == []
    assert 0.05 <= result.place_seen <= result.seconds - 0.1
    assert result.view.startswith("4 ")


def test_a_run_that_ends_with_an_error_is_no_result() -> None:
    async def answer(server: Server, wish: ClientState) -> None:
        failed = [text("The run ended with an error: no such luck")] * server.presses
        await server.run(button(), OTHER, *failed)

    result = meet(Server(answer), press)
    assert (result.seconds, result.view) == (None, "")
    assert result.errors == ["The run ended with an error: no such luck"]


def test_a_result_that_was_there_before_is_not_counted_as_one_s_own() -> None:
    async def answer(server: Server, wish: ClientState) -> None:
        await server.begin()
        await server.say(0, delta={"new_element": button()})
        await server.say(1, delta={"new_element": LARGE}, hash="the same")
        await server.end()

    result = meet(Server(answer), press)
    assert result.seconds is not None
    assert result.view == ""


def test_a_lost_connection_and_a_missing_server_are_reported() -> None:
    async def answer(server: Server, wish: ClientState) -> None:
        if server.presses:
            await server.socket.close(1011)
        else:
            await server.run(button(), OTHER)

    result = meet(Server(answer), press)
    assert result.seconds is None
    assert "connection was lost" in result.errors[0]
    with pytest.raises(GaveUp, match="no connection"):
        asyncio.run(Visitor("http://127.0.0.1:1").__aenter__())


def test_who_waits_for_too_long_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(server: Server, wish: ClientState) -> None:
        await server.run(button(disabled=bool(server.presses)), OTHER)

    async def what(one: Visitor) -> scenarios.Press:
        await one.open("attack")
        monkeypatch.setattr(visitor, "PATIENCE", 0.3)
        return await scenarios.press_until_done(one, "Attack")

    result = meet(Server(answer), what)
    assert (result.seconds, result.presses, result.errors) == (None, 1, ["Nothing came in 0.3 s."])


def test_the_last_page_change_is_waited_for_however_long_it_takes() -> None:
    async def answer(server: Server, wish: ClientState) -> None:
        await server.run(seconds=0.4)

    async def what(one: Visitor) -> list[float]:
        await one.open("")
        over, changes = asyncio.Event(), list[float]()
        wandering = asyncio.create_task(scenarios.wander(one, changes, over))
        await asyncio.sleep(0.05)
        over.set()
        assert await wandering == []
        return changes

    (change,) = meet(Server(answer), what)
    assert change >= 0.4


@pytest.mark.long
def test_two_visitors_and_one_who_changes_pages_in_the_real_app(tiny_system_folder: Path) -> None:
    with running(ROOT) as app:
        found = asyncio.run(scenarios.a_class(app, 2, steps=5))
        assert (found["errors"], app.tracebacks()) == ([], 0)
        assert app.megabytes() > 50
    assert (found["done"], found["presses"], found["different results"]) == (2, 2, 2)
    assert 0 < found["median"] <= found["last"] <= found["seconds"] + 0.05  # which has one decimal less
    assert found["page changes"] >= 1
    assert 0 < found["page change p50"] <= found["page change p95"]
    assert found["the app's CPU seconds"] > 0
