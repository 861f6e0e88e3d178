"""Sonde's own metrics, stored beside those of others: what ``/metrics`` shows, without a scrape over the network."""
