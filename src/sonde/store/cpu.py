"""Whether this processor can run the embedded engine; asked before chDB is imported, which would die without a word.

chDB for x86-64 is built with AVX2. Where that is missing (old machines, virtual ones of the type kvm64 or qemu64) the
import ends the process with SIGILL, and nothing after it can explain why.
"""

from __future__ import annotations

import platform
from pathlib import Path

from sonde.errors import UserError

CPUINFO = Path("/proc/cpuinfo")
_X86 = frozenset({"x86_64", "amd64", "i686"})


def lacks_avx2(machine: str, cpuinfo: str) -> bool:
    """Whether the description of a processor says that it has no AVX2. Without a description nothing is claimed.

    >>> lacks_avx2("x86_64", "flags : fpu sse4_2 avx avx2 bmi2"), lacks_avx2("x86_64", "flags : fpu sse4_2 avx")
    (False, True)
    >>> lacks_avx2("aarch64", "Features : asimd"), lacks_avx2("x86_64", "")
    (False, False)
    """
    if machine.lower() not in _X86:
        return False
    flags = [line.partition(":")[2].split() for line in cpuinfo.splitlines() if line.startswith("flags")]
    return bool(flags) and "avx2" not in flags[0]


def read_cpuinfo() -> str:
    """The kernel's description of the processor; empty where there is none (macOS)."""
    return CPUINFO.read_text(encoding="utf-8", errors="replace") if CPUINFO.exists() else ""


def require_avx2() -> None:
    """Return where the embedded engine can run.

    Raises:
        UserError: the processor has no AVX2.
    """
    if lacks_avx2(platform.machine(), read_cpuinfo()):
        raise UserError(
            "this processor has no AVX2, which the embedded ClickHouse needs",
            code="store.no_avx2",
            hint="on a virtual machine set the CPU type to host or x86-64-v3, "
            "or use a ClickHouse server: SONDE_STORE_ENGINE=server, SONDE_STORE_URL=…",
        )
