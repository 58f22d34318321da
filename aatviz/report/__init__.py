"""The report on one system, in Markdown: the paper's numbers beside ours, and shared against separate banks."""

from aatviz.report.order import orders
from aatviz.report.sections import FILE, reach_table, report, side_by_side_table, write_report

__all__ = ["FILE", "orders", "reach_table", "report", "side_by_side_table", "write_report"]
