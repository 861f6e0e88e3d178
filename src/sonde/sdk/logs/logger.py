"""``sonde.get_logger()``: a structlog logger, without importing structlog before somebody wants one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger


def get_logger(name: str = "", **fields: object) -> FilteringBoundLogger:
    """A structlog logger. Its events are printed as JSON lines and sent to Sonde, with what is bound in the context.

        log = sonde.get_logger("shop.cart")
        log.info("paid", amount=12)

    Args:
        name: stands as ``logger`` on the line.
        fields: stand on every event of this logger.
    """
    import structlog

    logger: FilteringBoundLogger = structlog.get_logger(**({"logger_name": name} if name else {}), **fields)
    return logger
