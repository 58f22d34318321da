"""The app. Start it with `aatviz app`, or with `streamlit run app.py`."""

import os

# Before torch is loaded: its waiting threads sleep. Busy waiting would take the cores from a browser on the same machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from streamlit import net_util

from aatviz.ui import frame

# Requests of other sites' pages are refused. Streamlit would first ask a server on the internet for this machine's address.
net_util.get_external_ip = lambda: None

frame.run()
