"""The app. Start it with `aatviz app`, or with `streamlit run app.py`."""

import os

# Before torch is loaded: threads that wait do so asleep. Spinning, they would take the cores from the browser beside them.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from streamlit import net_util

from aatviz.ui import frame

# A page of another site that knocks here is refused. Streamlit would first ask a server outside for this machine's address.
net_util.get_external_ip = lambda: None

frame.run()
