"""The tree of routes, and where an alert would go: labels in, the routes that take it out.

A route has what its parent has, but for what it says itself. Only leaves of the walk take an alert: the root takes what
no child wants. ``pipeline`` groups alerts by what comes out here; ``destinations`` answers "where would this go?".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sonde.notify.configuration.sections import ALL_LABELS, RouteSection
from sonde.notify.matchers import Matchers, all_match, matchers_text
from sonde.telemetry.labels import Labels

_SECOND: Final = 10**9


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """How a route tells; times are nanoseconds. The defaults are Alertmanager's."""

    receiver: str = ""
    group_by: frozenset[str] = frozenset()
    group_by_all: bool = False
    group_wait: int = 30 * _SECOND
    group_interval: int = 300 * _SECOND
    repeat_interval: int = 4 * 3600 * _SECOND
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()

    def group_labels(self, labels: Labels) -> Labels:
        """The labels that alerts of a group share.

        >>> RouteOptions(group_by=frozenset({"service"})).group_labels((("pod", "a"), ("service", "shop")))
        (('service', 'shop'),)
        """
        return labels if self.group_by_all else tuple(pair for pair in labels if pair[0] in self.group_by)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A node of the tree."""

    options: RouteOptions
    matchers: Matchers
    goes_on: bool
    """``continue``: an alert that is taken here is offered to the next sibling, too."""
    routes: tuple[Route, ...]
    key: str
    """The matchers from the root to here; two routes may have the same."""
    id: str
    """The key, with places that make it unique."""

    def match(self, labels: Mapping[str, str]) -> list[Route]:
        """The routes that take an alert of these labels, in order; none if the matchers do not fit."""
        if not all_match(self.matchers, labels):
            return []
        found: list[Route] = []
        for route in self.routes:
            taken = route.match(labels)
            found += taken
            if taken and not route.goes_on:
                break
        return found or [self]

    def walk(self) -> Iterator[Route]:
        """This route and all below it."""
        yield self
        for route in self.routes:
            yield from route.walk()


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an alert goes: the routes from the root down to the one that takes it, and who is told then."""

    path: tuple[Route, ...]
    receiver: str
    group_labels: Labels

    @property
    def path_text(self) -> str:
        """The way as people read it."""
        return " > ".join(matchers_text(route.matchers) if route.matchers else "default-route" for route in self.path)


def build_route(section: RouteSection) -> Route:
    """The tree of a configuration.

    >>> from sonde.notify.configuration import parse_configuration
    >>> text = "{route: {receiver: a, routes: [{matchers: [team=x], group_wait: 5s}]}, receivers: [{name: a}]}"
    >>> root = build_route(parse_configuration(text).route)
    >>> root.routes[0].key, root.routes[0].id, root.routes[0].options.group_wait
    ('{}/{team="x"}', '{}/{team="x"}/0', 5000000000)
    """
    return _build(section, RouteOptions(), "", "", None)


def _build(section: RouteSection, inherited: RouteOptions, key: str, identifier: str, place: int | None) -> Route:
    matchers = section.all_matchers()
    text = matchers_text(matchers)
    names = [name for name in section.group_by or () if name != ALL_LABELS]
    options = RouteOptions(
        receiver=section.receiver or inherited.receiver,
        # Names replace what is inherited; `...` is added to it; an empty list says nothing.
        group_by=frozenset(names) if names else inherited.group_by,
        group_by_all=not names and (ALL_LABELS in (section.group_by or ()) or inherited.group_by_all),
        group_wait=_first(section.group_wait, inherited.group_wait),
        group_interval=_first(section.group_interval, inherited.group_interval),
        repeat_interval=_first(section.repeat_interval, inherited.repeat_interval),
        mute_time_intervals=section.mute_time_intervals,
        active_time_intervals=section.active_time_intervals,
    )
    own_key = text if place is None else f"{key}/{text}"
    own_id = text if place is None else f"{identifier}/{text}/{place}"
    return Route(
        options=options,
        matchers=matchers,
        goes_on=section.continue_,
        routes=tuple(_build(inner, options, own_key, own_id, at) for at, inner in enumerate(section.routes)),
        key=own_key,
        id=own_id,
    )


def _first(own: int | None, inherited: int) -> int:
    return inherited if own is None else own


def destinations(root: Route, labels: Labels) -> tuple[Destination, ...]:
    """Where an alert of these labels would go.

    >>> from sonde.notify.configuration import parse_configuration
    >>> receivers = "receivers: [{name: all}, {name: x}]"
    >>> text = f"{{route: {{receiver: all, routes: [{{matchers: [team=x], receiver: x}}]}}, {receivers}}}"
    >>> root = build_route(parse_configuration(text).route)
    >>> [(found.path_text, found.receiver) for found in destinations(root, (("team", "x"),))]
    [('default-route > {team="x"}', 'x')]
    >>> [found.receiver for found in destinations(root, (("team", "y"),))]
    ['all']
    """
    taken = {id(route) for route in root.match(dict(labels))}
    return tuple(
        Destination(path, path[-1].options.receiver, path[-1].options.group_labels(labels))
        for path in _paths((root,))
        if id(path[-1]) in taken
    )


def _paths(path: tuple[Route, ...]) -> Iterator[tuple[Route, ...]]:
    yield path
    for route in path[-1].routes:
        yield from _paths((*path, route))
