"""The paper's metrics (equations 7, 8, 14, 15 and AUC), intervals, and the kernel inception distance."""

from aatviz.metrics.bootstrap import Hits, Sides, mean_auc_interval, mean_auc_intervals, mean_share_interval
from aatviz.metrics.kid import Distance, kid
from aatviz.metrics.rates import (
    Z95,
    Interval,
    accuracy_with_reject,
    auc,
    auc_interval,
    error_with_reject,
    false_positive_rate,
    rate,
    share,
    true_positive_rate,
    wilson,
)

__all__ = [
    "Z95",
    "Distance",
    "Hits",
    "Interval",
    "Sides",
    "accuracy_with_reject",
    "auc",
    "auc_interval",
    "error_with_reject",
    "false_positive_rate",
    "kid",
    "mean_auc_interval",
    "mean_auc_intervals",
    "mean_share_interval",
    "rate",
    "share",
    "true_positive_rate",
    "wilson",
]
