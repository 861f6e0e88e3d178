"""What Sonde is told: one YAML file and the ``SONDE_…`` environment in, frozen settings out."""

from sonde.config.load import Configuration, load
from sonde.config.settings import Settings, refuse_open_door
from sonde.config.values import Address

__all__ = ["Address", "Configuration", "Settings", "load", "refuse_open_door"]
