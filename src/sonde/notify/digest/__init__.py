"""The weekly digest: ``schedule`` says when, ``questions`` asks (with ``promql``) for a ``report``, ``text`` writes it,
``post`` dresses it for each service, ``send`` drives.
"""
