"""The telephone of whoever is on call: takes notifications over HTTP and writes them down."""
