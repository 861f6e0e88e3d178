"""What targets say of themselves: the text format 0.0.4, OpenMetrics 1.0, and Prometheus' protobuf, into columns.

A reader belongs to one target and remembers it, because a target says the same series each time: then only the values
are read, many at once. ``reading`` has what comes out, ``formats`` chooses the reader by the ``content-type``.
"""
