"""How targets are found: written down, in files, asked of HTTP services, of DNS, or of Docker."""
