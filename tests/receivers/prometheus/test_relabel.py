"""Relabelling: every action as Prometheus documents it, and its rules for rules."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonde.errors import UserError
from sonde.receivers.prometheus.relabel import ACTIONS, Rule, relabel, validate

FOO = {"a": "foo", "b": "bar", "c": "baz"}


def rule(action="replace", *source_labels, **fields):
    return Rule(action=action, source_labels=source_labels, **fields)


@pytest.mark.parametrize(
    ("labels", "rules", "expected"),
    [
        # replace
        (FOO, [rule("replace", "a", regex="f(.*)", target_label="d", replacement="ch${1}-ch${1}")], FOO | {"d": "choo-choo"}),
        (FOO, [rule("replace", "a", "b", regex="f(.*);(.*)r", target_label="a", replacement="b${1}${2}m")], FOO | {"a": "boobam"}),
        (FOO, [rule("replace", "a", regex="oo", target_label="d", replacement="x")], FOO),
        (FOO, [rule("replace", "a", regex=".*(b).*", target_label="d", replacement="$1")], FOO),
        (FOO, [rule("replace", "a", regex="(f).*", target_label="a", replacement="$2")], {"b": "bar", "c": "baz"}),
        (FOO, [rule("replace", "a", regex="f.*", target_label="a", replacement="")], {"b": "bar", "c": "baz"}),
        (FOO, [rule("replace", target_label="a", replacement="set")], FOO | {"a": "set"}),
        (FOO, [rule("replace", target_label="a", replacement="")], {"b": "bar", "c": "baz"}),
        (FOO, [rule("replace", "none", target_label="a")], {"b": "bar", "c": "baz"}),
        ({"a": "some-name-value"}, [rule("replace", "a", regex="some-([^-]+)-([^,]+)", target_label="${1}", replacement="${2}")],
         {"a": "some-name-value", "name": "value"}),
        ({"a": "a-b"}, [rule("replace", "a", regex="(?P<left>.*)-(.*)", target_label="l_$left", replacement="$2")],
         {"a": "a-b", "l_a": "b"}),
        ({"a": "x"}, [rule("replace", "a", regex="(x)", target_label="${2}", replacement="y")], {"a": "x"}),
        ({"a": "two\nlines"}, [rule("replace", "a", regex="(.*)", target_label="b")], {"a": "two\nlines", "b": "two\nlines"}),
        ({"a": "x"}, [rule("replace", "a", target_label="b", replacement="$1x|${1}x|$$1|$01|$")], {"a": "x", "b": "|xx|$1||$"}),
        ({"a": "x"}, [rule("replace", "a", target_label="naïve ☃")], {"a": "x", "naïve ☃": "x"}),
        ({"a": "x-y"}, [rule("replace", "a", target_label="${1}", replacement="1", legacy_names=True)], {"a": "x-y"}),
        ({"a": "x-y"}, [rule("replace", "a", target_label="${1}", replacement="1")], {"a": "x-y", "x-y": "1"}),
        # keep and drop
        (FOO, [rule("keep", "a", regex="f|foo")], FOO),
        (FOO, [rule("keep", "a", regex="fo")], None),
        (FOO, [rule("drop", "a", regex=".*o.*")], None),
        (FOO, [rule("drop", "a", regex="o")], FOO),
        (FOO, [rule("drop", "none", regex="")], None),
        (FOO, [rule("keep", "a", "none", separator=",", regex="foo,")], FOO),
        (FOO, [rule("drop", "a", regex="foo"), rule("replace", target_label="d", replacement="x")], None),
        # keepequal and dropequal
        ({"a": "1", "b": "1"}, [rule("keepequal", "a", target_label="b")], {"a": "1", "b": "1"}),
        ({"a": "1", "b": "2"}, [rule("keepequal", "a", target_label="b")], None),
        ({"a": "1", "b": "1"}, [rule("dropequal", "a", target_label="b")], None),
        ({"a": "1", "b": "2"}, [rule("dropequal", "a", target_label="b")], {"a": "1", "b": "2"}),
        ({"a": "1"}, [rule("dropequal", "none", target_label="other")], None),
        # hashmod: the last eight bytes of MD5, as Prometheus has always had it
        ({"c": "baz"}, [rule("hashmod", "c", target_label="d", modulus=1000)], {"c": "baz", "d": "976"}),
        ({"a": "foo\nbar"}, [rule("hashmod", "a", target_label="b", modulus=1000)], {"a": "foo\nbar", "b": "734"}),
        ({"c": "baz"}, [rule("hashmod", "c", target_label="d", modulus=1)], {"c": "baz", "d": "0"}),
        # lowercase and uppercase
        ({"foo": "bAr123Foo"}, [rule("lowercase", "foo", target_label="lower"), rule("uppercase", "foo", target_label="upper")],
         {"foo": "bAr123Foo", "lower": "bar123foo", "upper": "BAR123FOO"}),
        # labelmap
        (FOO | {"d": "bar"}, [rule("labelmap", regex="(b|c)", replacement="bar_$1")], FOO | {"d": "bar", "bar_b": "bar", "bar_c": "baz"}),
        ({"__meta_my_bar": "aaa", "__meta_other": "x"}, [rule("labelmap", regex="__meta_(my.*)", replacement="${1}")],
         {"__meta_my_bar": "aaa", "__meta_other": "x", "my_bar": "aaa"}),
        ({"a": "1"}, [rule("labelmap", regex="a()", replacement="$1")], {"a": "1"}),
        # labeldrop and labelkeep
        (FOO | {"bb": "x"}, [rule("labeldrop", regex="b.*")], {"a": "foo", "c": "baz"}),
        (FOO | {"bb": "x"}, [rule("labelkeep", regex="b.*")], {"b": "bar", "bb": "x"}),
        (FOO, [rule("labeldrop", regex="none")], FOO),
        # what comes in empty is not there
        ({"a": "", "b": "x"}, [], {"b": "x"}),
        ({}, [rule("keep", "a", regex=".+")], None),
    ],
)  # fmt: skip
def test_each_action_does_what_prometheus_documents(labels, rules, expected):
    assert relabel(labels, rules) == expected


def test_the_labels_that_were_given_are_not_changed():
    given_labels = dict(FOO)
    relabel(given_labels, [rule("labeldrop", regex=".*"), rule("replace", target_label="a", replacement="x")])
    assert given_labels == FOO


names = st.text("abc_", min_size=1, max_size=3)
label_sets = st.dictionaries(names, st.text("abAB1 é", max_size=4), max_size=5)
sources = st.lists(names, max_size=3)


@given(label_sets, sources, st.sampled_from(["a.*", ".*", "", "a;b", "[ab]+;?.*", "A|B"]), names)
def test_the_decisions_come_in_pairs_of_which_one_keeps(labels, source_labels, regex, target):
    for keeps, drops, fields in (
        ("keep", "drop", {"regex": regex}),
        ("keepequal", "dropequal", {"target_label": target}),
    ):
        kept = relabel(labels, [rule(keeps, *source_labels, **fields)])
        dropped = relabel(labels, [rule(drops, *source_labels, **fields)])
        assert (kept is None) is not (dropped is None)
        assert (kept if kept is not None else dropped) == {name: value for name, value in labels.items() if value}


@given(label_sets, st.sampled_from(["a.*", ".*", "_?b|c", "(a|b)(.*)"]))
def test_labeldrop_and_labelkeep_divide_the_labels_between_them(labels, regex):
    dropped, kept = relabel(labels, [rule("labeldrop", regex=regex)]), relabel(labels, [rule("labelkeep", regex=regex)])
    assert dropped | kept == {name: value for name, value in labels.items() if value}
    assert not dropped.keys() & kept.keys()
    assert all(re.fullmatch(regex, name) for name in kept)


@given(label_sets, sources, names, st.integers(1, 2**64 - 1))
def test_hashmod_is_the_tail_of_md5_below_the_modulus(labels, source_labels, target, modulus):
    found = relabel(labels, [rule("hashmod", *source_labels, target_label=target, modulus=modulus)])
    text = ";".join(labels.get(name, "") for name in source_labels)
    assert found[target] == str(int(hashlib.md5(text.encode()).hexdigest()[16:], 16) % modulus)


@given(label_sets, sources, names, st.text("ab$1{}x ", max_size=6))
def test_replace_with_the_default_pattern_changes_the_target_alone(labels, source_labels, target, replacement):
    before = {name: value for name, value in labels.items() if value}
    after = relabel(labels, [rule("replace", *source_labels, target_label=target, replacement=replacement)])
    assert {name: value for name, value in after.items() if name != target} == {
        name: value for name, value in before.items() if name != target
    }
    assert all(after.values())


@given(
    label_sets,
    st.lists(
        st.builds(rule, st.sampled_from(["replace", "lowercase", "uppercase"]), names, target_label=names), max_size=4
    ),
)
def test_rules_one_by_one_do_what_they_do_together(labels, rules):
    step = dict(labels)
    for each in rules:
        step = relabel(step, [each])
    assert relabel(labels, rules) == (step if rules else {name: value for name, value in labels.items() if value})


NEEDS_TARGET = ("replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (rule("hashmod", "a", target_label="d"), "relabel configuration for hashmod requires non-zero modulus"),
        *[
            (rule(action, modulus=1), f"relabel configuration for {action} action requires 'target_label' value")
            for action in NEEDS_TARGET
        ],
        *[
            (rule(action, target_label="a-b", modulus=1, legacy_names=True), f"'a-b' is invalid 'target_label' for {action} action")
            for action in NEEDS_TARGET
        ],
        (rule(target_label="1$1", legacy_names=True), "'1$1' is invalid 'target_label' for replace action"),
        (rule(target_label="a-$1", legacy_names=True), "'a-$1' is invalid 'target_label' for replace action"),
        (rule("labelmap", replacement="-$1", legacy_names=True), "'-$1' is invalid 'replacement' for labelmap action"),
        (rule("labelmap", replacement=""), "'' is invalid 'replacement' for labelmap action"),
        *[
            (rule(action, target_label="a", replacement="x"), f"'replacement' can not be set for {action} action")
            for action in ("lowercase", "uppercase", "keepequal", "dropequal")
        ],
        *[
            (rule(action, target_label="a", **field), f"{action} action requires only 'source_labels' and `target_label`, and no other fields")
            for action in ("keepequal", "dropequal")
            for field in ({"regex": "x"}, {"modulus": 1}, {"separator": ","})
        ],
        *[
            (Rule(action=action, **field), f"{action} action requires only 'regex', and no other fields")
            for action in ("labeldrop", "labelkeep")
            for field in ({"source_labels": ("a",)}, {"target_label": "a"}, {"modulus": 1}, {"separator": ","}, {"replacement": "x"})
        ],
    ],
)  # fmt: skip
def test_a_rule_that_could_never_do_what_it_says_is_refused_in_prometheus_words(bad, message):
    with pytest.raises(UserError) as caught:
        validate(bad)
    assert caught.value.message == message


@pytest.mark.parametrize(
    "good",
    [
        rule(target_label="a"),
        rule(target_label="a_$1", legacy_names=True),
        rule(target_label="${1}", legacy_names=True),
        rule(target_label="${1}_${2}x$3", legacy_names=True),
        rule(target_label="a-b"),
        rule(target_label="${1}-b"),
        rule("keep", "a", regex="x"),
        rule("drop"),
        rule("hashmod", "a", target_label="b", modulus=2),
        rule("labelmap", regex="(.*)", replacement="x_$1", legacy_names=True),
        rule("labeldrop", regex="x"),
        rule("keepequal", "a", target_label="b"),
        rule("uppercase", "a", target_label="b", regex="ignored"),
    ],
)
def test_a_rule_that_makes_sense_is_taken(good):
    validate(good)
    assert good.action in ACTIONS


def test_checking_a_long_target_takes_no_time_that_grows_with_its_ways_to_match():
    with pytest.raises(UserError, match="is invalid 'target_label'"):
        validate(rule(target_label="$1" + "a" * 10_000 + "-", legacy_names=True))


def test_a_regular_expression_that_re2_does_not_read_is_refused():
    with pytest.raises(UserError, match="invalid regular expression"):
        rule(regex="(?=x)")
