"""Rule packs that come with Sonde: Prometheus rule files, each alert with a runbook page in ``docs/runbooks``.

What is in them and how to take them: ``docs/rule-packs.md``.
"""

from __future__ import annotations

from importlib import resources

from sonde.errors import NotFound

DESCRIPTIONS = {
    "service": "Services that answer requests: error rate, latency, down, silent, rate limits",
    "host": "Machines: disk, memory, processors",
    "postgres": "PostgreSQL: down, connections, replication, cache, deadlocks, slow queries",
    "redis": "Redis: down, memory, refused clients, replication",
    "queues": "Queues: depth, growth",
    "freshness": "Data that grow old: jobs that ought to run and did not",
    "llm_cost": "What language models cost: a day's budget, spikes",
    "llm_errors": "Language models that fail or are slow",
    "satisfaction": "What users say: thumbs up and down",
    "cache": "Caches: hit rate, age",
    "ml": "Training and serving models",
    "sonde": "Sonde itself: ingest, refused data, scrapes, rules, notifications, and the dead-man's switch",
    "anomaly": "Seasonal baselines of LLM cost, error rate, latency and traffic, and alerts on what leaves them",
}
"""What each pack watches, in the order in which they are shown."""


def names() -> tuple[str, ...]:
    """The packs there are.

    >>> names()[:3]
    ('service', 'host', 'postgres')
    """
    return tuple(DESCRIPTIONS)


def pack(name: str) -> str:
    r"""A pack as the text of a rule file.

    >>> pack("redis").splitlines()[1]
    'groups:'

    Raises:
        NotFound: There is no such pack.
    """
    if name not in DESCRIPTIONS:
        raise NotFound(
            f"there is no rule pack {name!r}", code="rules.pack", hint=f"packs are {', '.join(DESCRIPTIONS)}"
        )
    return resources.files(__name__).joinpath(f"{name}.yml").read_text(encoding="utf-8")
