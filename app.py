"""The app. Start it with `streamlit run app.py`."""

from aatviz.ui import frame

frame.run()
