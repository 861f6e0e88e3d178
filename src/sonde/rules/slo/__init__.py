"""Service level objectives: files in, recording and alerting rules out.

``objective`` is what one is; ``read`` takes a file, in ``openslo`` or our
``short_form``, with ``document``; ``indicator`` says what counts as
an error; ``burn_rate`` is the table of alerts; ``render`` writes Prometheus rule files.
"""
