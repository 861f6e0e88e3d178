"""SQL as a tree: ``ast`` says what a query is, ``render`` writes its text and parameters, ``guard`` admits people's
own SQL.

Every statement that Sonde compiles goes through ``render``; nothing else here writes SQL text from values.
"""
