"""Where telemetry comes in: one protocol a file or folder. Each checks a body and hands it to the ``Consumer``."""
