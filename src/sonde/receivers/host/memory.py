"""Memory: everything in ``/proc/meminfo``, and the fields of ``/proc/vmstat`` that the exporter tells by default."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sonde.receivers.collector import Family, gauge, untyped
from sonde.receivers.host.tree import Tree, read

VMSTAT = re.compile(r"^(oom_kill|pgpg|pswp|pg.*fault).*")


def meminfo(tree: Tree) -> Iterable[Family]:
    """Each line of ``/proc/meminfo``; ``Active(anon)`` is ``Active_anon``, and kB become bytes."""
    for line in read(tree.proc("meminfo")).splitlines():
        field, _, rest = line.partition(":")
        amount, *unit = rest.split()
        name = field.replace("(", "_").replace(")", "")
        if unit:
            yield gauge(f"node_memory_{name}_bytes", f"Memory information field {name}_bytes.", int(amount) * 1024)
        else:
            yield gauge(f"node_memory_{name}", f"Memory information field {name}.", int(amount))


def vmstat(tree: Tree) -> Iterable[Family]:
    """Faults, pages in and out, swapping, kills for want of memory."""
    for line in read(tree.proc("vmstat")).splitlines():
        field, amount = line.split()
        if VMSTAT.match(field):
            yield untyped(f"node_vmstat_{field}", f"/proc/vmstat information field {field}.", int(amount))
