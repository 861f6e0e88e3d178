"""The functions of PromQL, those of Prometheus 3.14, and what each takes and gives.

What they compute: https://prometheus.io/docs/prometheus/latest/querying/functions/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sonde.query.promql.ast import ValueType


@dataclass(frozen=True, slots=True)
class Function:
    """A function's signature.

    ``variadic`` 0: exactly the arguments of ``argument_types``. Above 0: the last of them may be left out or given up
    to that many times. -1: left out or given as often as one likes.

    >>> FUNCTIONS["round"].fewest, FUNCTIONS["round"].most, FUNCTIONS["label_join"].fewest, FUNCTIONS["label_join"].most
    (1, 2, 3, None)
    """

    name: str
    argument_types: tuple[ValueType, ...]
    variadic: int = 0
    return_type: ValueType = "vector"
    experimental: bool = False
    """Prometheus has it behind ``--enable-feature=promql-experimental-functions``; here it is always on."""

    @property
    def fewest(self) -> int:
        """How many arguments a call has at least."""
        return len(self.argument_types) - (self.variadic != 0)

    @property
    def most(self) -> int | None:
        """How many arguments a call has at most; None if there is no such number."""
        return None if self.variadic < 0 else self.fewest + self.variadic

    def argument_type(self, index: int) -> ValueType:
        """The type of the argument at an index from 0; the last one's counts for all behind it."""
        return self.argument_types[min(index, len(self.argument_types) - 1)]


_VECTOR: Final = ("vector",)
_MATRIX: Final = ("matrix",)

_TABLE: Final[tuple[Function, ...]] = (
    Function("abs", _VECTOR),
    Function("absent", _VECTOR),
    Function("absent_over_time", _MATRIX),
    Function("acos", _VECTOR),
    Function("acosh", _VECTOR),
    Function("asin", _VECTOR),
    Function("asinh", _VECTOR),
    Function("atan", _VECTOR),
    Function("atanh", _VECTOR),
    Function("avg_over_time", _MATRIX),
    Function("ceil", _VECTOR),
    Function("changes", _MATRIX),
    Function("clamp", ("vector", "scalar", "scalar")),
    Function("clamp_max", ("vector", "scalar")),
    Function("clamp_min", ("vector", "scalar")),
    Function("cos", _VECTOR),
    Function("cosh", _VECTOR),
    Function("count_over_time", _MATRIX),
    Function("day_of_month", _VECTOR, variadic=1),
    Function("day_of_week", _VECTOR, variadic=1),
    Function("day_of_year", _VECTOR, variadic=1),
    Function("days_in_month", _VECTOR, variadic=1),
    Function("deg", _VECTOR),
    Function("delta", _MATRIX),
    Function("deriv", _MATRIX),
    Function("double_exponential_smoothing", ("matrix", "scalar", "scalar"), experimental=True),
    Function("end", (), return_type="scalar", experimental=True),
    Function("exp", _VECTOR),
    Function("first_over_time", _MATRIX),
    Function("floor", _VECTOR),
    Function("histogram_avg", _VECTOR),
    Function("histogram_count", _VECTOR),
    Function("histogram_fraction", ("scalar", "scalar", "vector")),
    Function("histogram_quantile", ("scalar", "vector")),
    Function("histogram_quantiles", ("vector", "string", "scalar", "scalar"), variadic=9, experimental=True),
    Function("histogram_stddev", _VECTOR),
    Function("histogram_stdvar", _VECTOR),
    Function("histogram_sum", _VECTOR),
    Function("hour", _VECTOR, variadic=1),
    Function("idelta", _MATRIX),
    Function("increase", _MATRIX),
    Function("info", ("vector", "vector"), variadic=1, experimental=True),
    Function("irate", _MATRIX),
    Function("label_join", ("vector", "string", "string", "string"), variadic=-1),
    Function("label_replace", ("vector", "string", "string", "string", "string")),
    Function("last_over_time", _MATRIX),
    Function("ln", _VECTOR),
    Function("log10", _VECTOR),
    Function("log2", _VECTOR),
    Function("mad_over_time", _MATRIX, experimental=True),
    Function("max_of", ("scalar", "scalar"), return_type="scalar", experimental=True),
    Function("max_over_time", _MATRIX),
    Function("min_of", ("scalar", "scalar"), return_type="scalar", experimental=True),
    Function("min_over_time", _MATRIX),
    Function("minute", _VECTOR, variadic=1),
    Function("month", _VECTOR, variadic=1),
    Function("pi", (), return_type="scalar"),
    Function("predict_linear", ("matrix", "scalar")),
    Function("present_over_time", _MATRIX),
    Function("quantile_over_time", ("scalar", "matrix")),
    Function("rad", _VECTOR),
    Function("range", (), return_type="scalar", experimental=True),
    Function("rate", _MATRIX),
    Function("resets", _MATRIX),
    Function("round", ("vector", "scalar"), variadic=1),
    Function("scalar", _VECTOR, return_type="scalar"),
    Function("sgn", _VECTOR),
    Function("sin", _VECTOR),
    Function("sinh", _VECTOR),
    Function("sort", _VECTOR),
    Function("sort_by_label", ("vector", "string"), variadic=-1, experimental=True),
    Function("sort_by_label_desc", ("vector", "string"), variadic=-1, experimental=True),
    Function("sort_desc", _VECTOR),
    Function("sqrt", _VECTOR),
    Function("start", (), return_type="scalar", experimental=True),
    Function("start_timestamp", _VECTOR, experimental=True),
    Function("stddev_over_time", _MATRIX),
    Function("stdvar_over_time", _MATRIX),
    Function("step", (), return_type="scalar", experimental=True),
    Function("sum_over_time", _MATRIX),
    Function("tan", _VECTOR),
    Function("tanh", _VECTOR),
    Function("time", (), return_type="scalar"),
    Function("timestamp", _VECTOR),
    Function("ts_of_first_over_time", _MATRIX, experimental=True),
    Function("ts_of_last_over_time", _MATRIX, experimental=True),
    Function("ts_of_max_over_time", _MATRIX, experimental=True),
    Function("ts_of_min_over_time", _MATRIX, experimental=True),
    Function("vector", ("scalar",)),
    Function("year", _VECTOR, variadic=1),
)

FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType({function.name: function for function in _TABLE})
"""All functions by name."""
