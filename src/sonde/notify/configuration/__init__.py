"""Alertmanager's configuration file, as people have it: ``read`` gives a ``Configuration``.

``sections`` is the file's outline; ``message``, ``chat`` and ``incident`` are the receivers; ``values`` and
``http_config`` what stands in them; ``inherit`` fills in what comes from ``global``; ``redact`` hides secrets.
"""

from sonde.notify.configuration.read import Configuration, Integration, load_configuration, parse_configuration

__all__ = ["Configuration", "Integration", "load_configuration", "parse_configuration"]
