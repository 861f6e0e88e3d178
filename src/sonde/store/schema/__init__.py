"""The schema: numbered SQL files, and the words they may use."""
