"""HTTP in front of everything: the API of our own pages, SQL for tools, the built UI, health and metrics.

A request passes ``security`` (host, headers), ``auth`` (who is it, whose data), one thin router of ``api/`` (one noun a
file) and a function of ``query``; ``errors`` gives every refusal one shape. ``app.create_app`` puts them together.
"""
