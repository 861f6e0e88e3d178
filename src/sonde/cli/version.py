"""`sonde version`: what is installed, for a bug report."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

PACKAGES = ("chdb-core", "clickhouse-connect", "fastapi", "genai-prices", "grpcio", "opentelemetry-sdk", "protobuf")


def version() -> None:
    """Print the versions of Sonde and its engine."""
    print(f"sonde {installed_version('sonde')}")
    print(f"python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in PACKAGES:
        print(f"{package} {_version_or_absent(package)}")


def _version_or_absent(package: str) -> str:
    try:
        return installed_version(package)
    except PackageNotFoundError:
        return "not installed"
