"""Recording and alerting rules, as Prometheus has them.

The files in the order in which a rule passes them: ``rule_file`` reads it (with ``yaml_node``), ``expression`` is what
it asks, in one of the ``languages``; ``group`` evaluates it with ``recording``, ``alerting`` (``alert``: the states of
one alert; ``template``: its texts) and ``restore``; ``batch`` and ``recent`` take the samples, ``notify`` says who is
told. ``runner`` keeps the groups on the clock by their ``schedule``, ``view`` shows them in the words of ``status``.
``unit_test`` is `sonde rules test`. ``packs`` and ``anomaly`` are rules that come with Sonde, ``slo`` makes
them of objectives.
"""
