"""Prometheus' own protocols as receivers: remote write, and (below ``scrape``) the asking of targets."""
