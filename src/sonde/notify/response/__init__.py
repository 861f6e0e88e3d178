"""What Alertmanager never had: acknowledgements, on-call rotations, escalation, cooldowns, damping of flapping alerts.

``plan`` reads the response file, one module per section: ``on_call``, ``escalation``, ``cooldown``, ``flapping``;
``automation``, ``watchdog`` and ``digest``. ``acknowledgement`` and ``acknowledge_link`` are what people do,
``responder`` is what the pipeline asks. Times come in as arguments.
"""
