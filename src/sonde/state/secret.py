"""Secrets that Sonde gives out: 256 random bits with a prefix that scanners recognise. Only their hashes are kept.

A plain SHA-256 is right for them: unlike passwords they cannot be guessed, so nothing is gained by a slow hash. They
are looked up by their hash, whose comparison tells nothing about the secret.
"""

from __future__ import annotations

import hashlib
import secrets

KEY_PREFIX = "sonde_"


def new_secret(prefix: str = "") -> str:
    """A fresh secret of 43 characters behind its prefix."""
    return prefix + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """What is stored instead of the secret.

    >>> hash_secret("sonde_x")[:16]
    '2b11dc2767f9a16e'
    """
    return hashlib.sha256(secret.encode("utf-8", errors="surrogatepass")).hexdigest()
