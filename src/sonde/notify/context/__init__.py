"""What a message says beside its alerts: links, a small graph, and what changed shortly before.

``describe`` puts it together within a time budget. ``links`` are addresses of ours, ``runbooks`` the pages that come
with Sonde and people's own, ``graph_links`` signs the address of a graph. A graph goes ``graph_plan`` (what of an
expression is drawn) → ``ranges`` (its values) → ``graph`` (which series, under which names) → ``draw`` with ``axis``
(pixels). ``changes`` asks ``releases``, ``restarts``, ``contributions`` and ``earlier_alerts`` side by side.
"""
