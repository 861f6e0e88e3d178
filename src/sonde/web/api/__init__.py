"""The HTTP API of Sonde's own pages, ``/api/v1``: one noun a file, each a router that reads parameters and asks
``query``.
"""
