"""The processes of this machine by groups of a name, with the names of ncabatoff's process-exporter.

``rules`` says which group a process belongs to, ``proc`` reads one process, ``group`` adds up a group's processes so
that its counters never fall, ``collector`` walks through all of them.

The original: https://github.com/ncabatoff/process-exporter
"""
