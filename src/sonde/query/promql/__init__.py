"""PromQL: text in, a grid of values out.

The files in the order in which a query passes them: ``lexer``, ``parser`` (→ ``ast``), ``validate`` with ``functions``,
``durations``, ``plan``, ``evaluate``; ``printer`` writes a tree as text again.
"""
