"""Dead-man's switches, both ways: ``pings`` says that we live, ``arrivals`` what is missing, ``watch`` drives."""
