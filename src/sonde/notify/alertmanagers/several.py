"""Several who are told of the same alerts: our own pipeline, and Alertmanagers elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from sonde.errors import SondeError
from sonde.rules.notify import Notifier, SentAlert


class Several:
    """A ``rules.notify.Notifier`` that tells all of some, in their order."""

    def __init__(self, *notifiers: Notifier) -> None:
        self._notifiers = notifiers

    async def notify(self, alerts: Sequence[SentAlert], *, tenant: str) -> None:
        """Tell each of them.

        Raises:
            SondeError: One did not take the alerts, which come again then; the others were told all the same.
        """
        failure: SondeError | None = None
        for notifier in self._notifiers:
            try:
                await notifier.notify(alerts, tenant=tenant)
            except SondeError as error:
                failure = failure or error
        if failure is not None:
            raise failure
