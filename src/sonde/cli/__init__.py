"""The command line: one command a file, listed in ``commands``. Heavy imports stand inside the commands."""
