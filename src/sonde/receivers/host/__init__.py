"""This machine, with the names of Prometheus' node_exporter 1.9: files of ``/proc`` and ``/sys`` in, families out.

``tree`` reads files below a root, so that a container sees its host under ``/host``. ``cpu``, ``memory``, ``disk``,
``filesystem``, ``network``, ``sockets``, ``clock``, ``hardware`` and ``system`` hold one function per collector of the
exporter; ``collector`` is the table of them and runs them.

The original: https://github.com/prometheus/node_exporter
"""
