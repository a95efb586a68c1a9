"""A report as one HTML file that opens from disk and asks for nothing else."""

from seawall.report.page.render import render_html, write_html

__all__ = ["render_html", "write_html"]
