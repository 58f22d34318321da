"""The app. Start it with `streamlit run app.py`."""

import os

# Before torch is loaded: threads that wait do so asleep. Spinning, they would take the cores from the browser beside them.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from aatviz.ui import frame

frame.run()
