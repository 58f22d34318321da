"""The Retouch page's runs: the attack on one detector, and the robust classifier's beside it."""

from aatviz.ui.session.runs import Runs

runs = Runs("retouch", "Retouch", ":material/brush:")
