"""The vocabulary that all stages share. Standard library and numpy only."""
