"""Questions to the store: filters and a time range in, SQL trees compiled and executed, plain answers out.

One noun a file (``overview traces trace logs log_tail llm_calls llm_summary attributes``), all on the same three
pieces: ``sql/`` (the tree and its text), ``window`` (time ranges, and walking them newest first) and ``engine`` (what
executes). Next stage: ``rules`` evaluates queries on a clock, ``web`` answers people with them.
"""
