"""The server's work behind the pages: it starts the workers after the first page, and collects garbage at quiet moments.

Streamlit would collect garbage after every run of a script, which, with torch loaded, stops every thread for 0.2 s; the
app's configuration turns that off. All objects that were loaded at the start are frozen here: a collection then looks only
at what visitors leave behind.
"""

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from aatviz.ui.session import caches

AFTER_FIRST_PAGE = 1.0
"""Seconds for which the first page has the machine to itself."""
EVERY, AT_LEAST_EVERY = 10.0, 60.0
"""Seconds between two collections: in quiet moments, and where there are none."""

_lock = threading.Lock()
_drawing = 0
_started = False


@contextmanager
def page_is_drawn() -> Iterator[None]:
    """Note that a page's script is running, inside this block. After the first one, the work behind the pages begins."""
    global _drawing, _started
    with _lock:
        _drawing += 1
    try:
        yield
    finally:
        with _lock:
            _drawing -= 1
            begins, _started = not _started, True
        if begins:
            threading.Thread(target=_keep_house, name="housekeeping", daemon=True).start()


def _keep_house() -> None:
    time.sleep(AFTER_FIRST_PAGE)
    caches.jobs().start()
    gc.collect()
    gc.freeze()
    last = time.monotonic()
    while True:
        time.sleep(EVERY)
        if not _drawing or time.monotonic() - last >= AT_LEAST_EVERY:
            gc.collect()
            last = time.monotonic()
