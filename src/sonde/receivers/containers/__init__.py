"""The containers of this machine, with the names of cAdvisor: cgroup files and Docker's API in, families out.

``cgroup`` finds the groups and reads their files (version 2), ``docker`` asks what runs in them, ``metrics`` is the
table of what is told of each group, ``collector`` puts them together.

The original: https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md
"""
