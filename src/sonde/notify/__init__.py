"""Alerts to people, as Alertmanager does it: routed, grouped, inhibited, silenced, muted by time, told once.

``configuration`` reads Alertmanager's file. ``pipeline`` takes alerts and the time, and says what is to be sent now;
it puts together ``routes``, ``group``, ``inhibition``, ``silence``, ``time_interval`` and ``notification_log``.
``notifier`` is the Protocol of those who send, ``state`` of those who remember; ``run`` drives all of it in real time.

All times are Unix nanoseconds; 0 is "no time", as Go's zero time is in Alertmanager.
Specification: https://prometheus.io/docs/alerting/latest/configuration/
"""
