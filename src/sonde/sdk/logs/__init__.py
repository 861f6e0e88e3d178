"""Log records of any origin become one JSON line on stdout and one OTLP log record.

``standard``, ``structured`` and ``loguru`` each turn one library's records into an ``event.LogEvent``; ``journal``
writes them.
"""
