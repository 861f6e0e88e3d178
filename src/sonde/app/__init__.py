"""The wiring: the only room that knows everyone. Each stage says through a Protocol what it needs; here it gets it.

``serve`` takes the settings, opens ``storage``, makes all stages and serves; ``files`` are read again while it runs, by
``rules`` (each tenant's rules on the clock), ``alerting`` (each tenant's alerts to people) and the scraper.
"""
