"""What is measured: a class that presses at once, a long run beside a short one, visitors that come and go, one alone."""

import asyncio
import itertools
import random
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from benchmarks.classroom.app import App
from benchmarks.classroom.visitor import GaveUp, Visitor

OTHER = ("Below is", "Nothing has been computed")
"""In the note where what was asked for is not shown."""
PLACE, TIME = "Waiting:", (" s in all", " min in all")
REFUSED = ("are waiting already", "is busy for", "under way already")
FAILED = ("ended with an error", "was cancelled")
AGAIN = 3.0
"""Seconds after which a visitor who was turned away presses again."""
NOTICED = 2.0
"""Who waits for longer than this should have seen a place and a time."""
PAUSE = 0.2
"""Seconds between two page changes of somebody else."""
TOGETHER = 5
"""Visitors that open their pages at the same time, before anything is measured."""
PAGES = ("", "compare", "generate", "thresholds", "detectors", "robustness", "learn", "attack")
LONG = ("Compare", "seed=7&eps=0.35")
"""A comparison that nobody has stored: 100 pairs, two models, 100 steps."""


@dataclass
class Press:
    """What became of one visitor's wish."""

    seconds: float | None = None
    presses: int = 0
    place_seen: float | None = None
    """Seconds until a place in the queue and a time were on screen, or the run's own progress."""
    refused_without_time: int = 0
    view: str = ""
    """A fingerprint of the result on the page; "" where there is none, or the one from before."""
    errors: list[str] = field(default_factory=list)


async def press_until_done(visitor: Visitor, label: str) -> Press:
    """Press a button and wait for the result on the page; after a refusal, press again."""
    result, started, shown = Press(), time.perf_counter(), visitor.page.view()

    def look() -> bool:
        if result.place_seen is None and (_place(visitor) or visitor.page.find("Step ")):
            result.place_seen = time.perf_counter() - started
        return _settled(visitor, label)

    try:
        while True:
            before = visitor.finished_runs
            await visitor.press(label)
            result.presses += 1
            await visitor.until(lambda before=before: visitor.finished_runs > before and look())
            refusal = visitor.page.find(*REFUSED)
            if refusal is None:
                break
            result.refused_without_time += not any(unit in refusal for unit in (" s.", " min."))
            await asyncio.sleep(AGAIN)
        if failure := visitor.page.find(*FAILED):
            raise GaveUp(failure)
        result.seconds = time.perf_counter() - started
        view = visitor.page.view()
        result.view = view if view != shown else ""
    except GaveUp as error:
        result.errors.append(str(error))
    return result


def _place(visitor: Visitor) -> bool:
    text = visitor.page.find(PLACE)
    return text is not None and any(unit in text for unit in TIME)


def _settled(visitor: Visitor, label: str) -> bool:
    """Whether the button can be pressed again, and the result is there, or why there is none."""
    button = visitor.page.button(label)
    free = button is not None and not button.element.button.disabled
    return free and (visitor.page.find(*OTHER) is None or visitor.page.find(*REFUSED, *FAILED) is not None)


async def a_class(app: App, visitors: int, steps: int = 100) -> dict[str, Any]:
    """All press Attack at once, each on an own digit, two classifiers; one more changes pages meanwhile."""
    opened = [Visitor(app.url) for _ in range(visitors)]
    try:
        for some in (opened[first : first + TOGETHER] for first in range(0, visitors, TOGETHER)):
            await asyncio.gather(*(_sit_down(visitor, opened.index(visitor), steps) for visitor in some))
        async with Visitor(app.url) as wanderer:
            await wanderer.open("")
            for page in PAGES:
                await wanderer.change(page)
            changes: list[float] = []
            over = asyncio.Event()
            wandering = asyncio.create_task(wander(wanderer, changes, over))
            spent, own, started = app.cpu_seconds(), time.process_time(), time.perf_counter()
            results = await asyncio.gather(*(press_until_done(visitor, "Attack") for visitor in opened))
            whole = time.perf_counter() - started
            spent, own = app.cpu_seconds() - spent, time.process_time() - own
            over.set()
            errors = await wandering + wanderer.page.errors
    finally:
        for visitor in opened:
            await visitor.__aexit__(None, None, None)
    done = sorted(result.seconds for result in results if result.seconds is not None)
    waited = [result for result in results if result.seconds is None or result.seconds > NOTICED]
    for visitor, result in zip(opened, results, strict=True):
        errors += result.errors + visitor.page.errors
    return {
        "visitors": visitors,
        "done": len(done),
        "different results": len({result.view for result in results if result.view}),
        "presses": sum(result.presses for result in results),
        "turned away without a time": sum(result.refused_without_time for result in results),
        "median": round(statistics.median(done), 2) if done else None,
        "last": round(done[-1], 2) if done else None,
        "waited over 2 s": len(waited),
        "of them, saw a place and a time within 2 s": sum(
            result.place_seen is not None and result.place_seen <= NOTICED for result in waited
        ),
        "page changes": len(changes),
        "page change p50": round(quantile(changes, 0.5), 2),
        "page change p95": round(quantile(changes, 0.95), 2),
        "errors": errors,
        "seconds": round(whole, 1),
        "the app's CPU seconds": round(spent, 1),
        "the visitors' CPU seconds": round(own, 1),
    }


async def _sit_down(visitor: Visitor, number: int, steps: int) -> None:
    """Open the Attack page with a digit of one's own."""
    await visitor.__aenter__()
    await visitor.open("attack", f"pick=index&index={100 + number}&target={number % 10}&compare=1&steps={steps}")


async def wander(visitor: Visitor, changes: list[float], over: asyncio.Event) -> list[str]:
    """Change pages until it is over; the last change is waited for and counts as well. Returns what went wrong."""
    for page in itertools.cycle(PAGES):
        started = time.perf_counter()
        try:
            await visitor.change(page)
        except GaveUp as error:
            return [f"Changing pages: {error}"]
        finally:
            changes.append(time.perf_counter() - started)
        await asyncio.sleep(PAUSE)
        if over.is_set():
            break
    return []


async def long_beside_short(app: App) -> dict[str, Any]:
    """Somebody compares; somebody else attacks one digit meanwhile."""
    async with Visitor(app.url) as first, Visitor(app.url) as second:
        await first.open("compare", LONG[1])
        await second.open("attack", "pick=index&index=77&target=1")
        comparing = asyncio.create_task(press_until_done(first, LONG[0]))
        await first.until(lambda: first.page.find("Step "))
        short = await press_until_done(second, "Attack")
        still = not comparing.done()
        long = await comparing
    return {
        "the single attack": _rounded(short.seconds),
        "the comparison still ran": still,
        "the comparison": _rounded(long.seconds),
        "errors": short.errors + long.errors + first.page.errors + second.page.errors,
    }


async def alone(app: App, repeats: int = 7) -> dict[str, Any]:
    """One visitor: from the press to the result on the page, and the script of every page's link in a new session."""
    times, links, errors = [], {}, []
    for number in range(repeats):
        async with Visitor(app.url) as visitor:
            await visitor.open("attack", f"pick=index&index={10 + number}&target=1&compare=1")
            result = await press_until_done(visitor, "Attack")
        errors += result.errors + visitor.page.errors
        if result.seconds is not None:
            times.append(result.seconds)
    for page in PAGES:
        async with Visitor(app.url) as visitor:
            links[page or "home"] = round(await visitor.open(page), 2)
        errors += visitor.page.errors
    return {
        "press to result, median": _rounded(statistics.median(times)) if times else None,
        "presses to a result": [_rounded(seconds) for seconds in times],
        "links": links,
        "errors": errors,
    }


async def soak(app: App, minutes: float, sessions: int = 10, seed: int = 0) -> dict[str, Any]:
    """So many sessions at a time come, look at every page, attack something, and go."""
    chance, until = random.Random(seed), time.monotonic() + 60 * minutes
    memory: list[tuple[float, float]] = []
    visits = [0]
    errors: list[str] = []

    async def come_and_go() -> None:
        while time.monotonic() < until:
            visitor = Visitor(app.url)
            try:
                async with visitor:
                    go = visitor.open
                    for page in chance.sample(PAGES, len(PAGES)):
                        query = f"pick=index&index={chance.randrange(5000)}&target={chance.randrange(10)}"
                        await go(page, query if page == "attack" else "")
                        if page == "attack":
                            errors.extend((await press_until_done(visitor, "Attack")).errors)
                        await asyncio.sleep(chance.uniform(0.5, 3))
                        go = visitor.change
                visits[0] += 1
            except GaveUp as error:
                errors.append(str(error))
                await asyncio.sleep(AGAIN)
            errors.extend(visitor.page.errors)

    async def watch() -> None:
        started = time.monotonic()
        while time.monotonic() < until:
            memory.append((time.monotonic() - started, app.megabytes()))
            await asyncio.sleep(5)

    await asyncio.gather(watch(), *(come_and_go() for _ in range(sessions)))
    late = [value for second, value in memory if second >= min(300, 30 * minutes)]
    early, last = statistics.median(late[:12]), statistics.median(late[-12:])
    return {
        "minutes": minutes,
        "sessions in all": visits[0],
        "MB at the beginning": round(memory[0][1]),
        "MB after minute 5": round(early),
        "MB at the end": round(last),
        "growth after minute 5": f"{100 * (last / early - 1):.1f} %",
        "errors": errors,
    }


async def warm_up(app: App) -> None:
    """What only the first run costs is not measured."""
    async with Visitor(app.url) as visitor:
        await visitor.open("")
        await asyncio.sleep(12)  # until the workers are there
        await visitor.change("attack", "pick=index&index=1&target=1&compare=1")
        await press_until_done(visitor, "Attack")


def quantile(values: list[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
