"""Those who send: one file a service, each a ``Notifier`` for one integration of the configuration.

``registry`` is the table of them and builds them all. ``service`` is what those over HTTP have in common: words are
rendered (``words``), cut to the service's limits (``cut``), joined with what a message says beside its alerts
(``additions``, and ``multipart`` for the graph), sent (``http_client``; ``redirect`` says where it may be led), and the
answer is judged (``answer``). ``smtp`` is the conversation under ``email``. ``secret`` keeps secrets out of all texts.
"""

from sonde.notify.notifiers.http_client import HttpClients
from sonde.notify.notifiers.registry import KINDS, build, refused

__all__ = ["KINDS", "HttpClients", "build", "refused"]
