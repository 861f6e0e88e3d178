"""The world around the demo: people who visit the shop, and the trouble it gets into.

``visit.py`` says who comes when and does what, ``incident.py`` what goes wrong when; both are plain data from a seed.
``play.py`` makes it happen. It is not instrumented: it stands for the users' browsers, not for a service.
"""
