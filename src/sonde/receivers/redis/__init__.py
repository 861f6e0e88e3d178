"""A Redis or Valkey, with the names of oliver006's redis_exporter: ``INFO`` and a few more commands in, families out.

``client`` speaks the protocol, ``fields`` is the table of what the fields of ``INFO`` are called, ``info`` and
``commands`` turn replies into families, ``collector`` connects and asks.

The original: https://github.com/oliver006/redis_exporter
"""
