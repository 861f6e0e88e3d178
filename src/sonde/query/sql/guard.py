"""Admits people's own SQL: what may run, and which tenant's rows it sees. Next: ``adhoc`` executes what is admitted.

Read-only mode alone does not hold, neither in ClickHouse nor in the embedded engine. Measured, with ``readonly = 1``
and a tenant filter set (tests/query/sql/test_guard.py keeps all of it true):

- ``SELECT file('/etc/passwd')`` reads any file; ``merge()``, ``mergeTreeIndex()`` and reads from a materialized view
  see all tenants; ``* APPLY(file)`` calls a function that ``EXPLAIN AST`` does not even show; ``INTO OUTFILE``
  writes.
- ``WHERE throwIf(name LIKE 'a%')`` ran on other tenants' rows, because the optimizer moved it below the tenant's
  filter; its error tells what they hold. The same with an explicit ``PREWHERE``.

So a statement passes four gates, each of which fails closed:

1. ClickHouse's own parser writes it anew (``formatQuery``): one statement, no comments, escapes in one form.
2. ClickHouse's own tree of that text (``EXPLAIN AST``) is checked node by node against what is allowed: kinds of
   nodes and statements, functions, table functions, tables. What is not on a list is refused, so a newer engine's
   features are refused too.
3. It runs with ``additional_table_filters`` on every table that has tenants, and with the optimizations off that
   could evaluate its conditions before that filter. The primary key still narrows what is read.
4. It runs on a connection of its own, made read-only before it starts, under limits of time, memory and rows.

What is left: sizes and row counts of tables in ``system.tables`` and ``EXPLAIN`` are those of all tenants together.
``Scope.OPERATOR`` opens all system tables; ``Scope.EVERYTHING`` (administrators of all tenants) also drops gate 3.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sonde.errors import Forbidden, TooLarge, UserError

MAX_SQL_BYTES: Final = 256 * 1024

STATEMENTS: Final = frozenset(
    {
        *(
            "SelectWithUnionQuery",
            "SelectIntersectExceptQuery",
            "SelectQuery",
            "Explain",
            "DescribeQuery",
            "ExistsTableQuery",
        ),
        *("ShowTables", "ShowColumns", "ShowFunctions", "ShowIndexes", "ShowCreateTableQuery"),
    }
)
# ColumnsApplyTransformer is missing on purpose: the tree does not say which function it applies.
NODES: Final = STATEMENTS | {
    *("ArrayJoin", "Asterisk", "ColumnsExceptTransformer", "ColumnsListMatcher", "ColumnsRegexpMatcher"),
    *(
        "ColumnsReplaceTransformer",
        "ColumnsReplaceTransformer::Replacement",
        "ColumnsTransformerList",
        "ExpressionList",
    ),
    *("Function", "Identifier", "InterpolateElement", "Literal", "OrderByElement", "QualifiedAsterisk"),
    *("QualifiedColumnsListMatcher", "QualifiedColumnsRegexpMatcher", "QueryParameter", "SampleRatio", "Subquery"),
    *("TableExpression", "TableIdentifier", "TableJoin", "TablesInSelectQuery", "TablesInSelectQueryElement"),
    *("WindowDefinition", "WindowListElement", "WithElement", "StorageOrderByElement", "Set"),
}
TABLE_FUNCTIONS: Final = frozenset({"numbers", "numbers_mt", "generateSeries", "generate_series", "values", "VALUES"})
FUNCTION_CATEGORIES: Final = frozenset(
    {
        *(
            "Arithmetic",
            "Arrays",
            "Bit",
            "Bitmap",
            "Comparison",
            "Conditional",
            "Dates and Times",
            "Distance",
            "Encoding",
        ),
        *("Financial", "Geo", "Geo Polygon", "Hash", "IP Address", "JSON", "Logical", "Map", "Mathematical", "Null"),
        *("NumericIndexedVector", "QBit", "Random Number", "Rounding", "String", "String Replacement", "String Search"),
        *("String Splitting", "Time Series", "Time Window", "Tuple", "Type Conversion", "URL", "UUID"),
    }
)
# Harmless ones of the categories "Other" and "Internal", by name: those hold file(), joinGet() and their like too.
FUNCTIONS: Final = frozenset(
    {
        *(
            "_CAST",
            "bar",
            "blockNumber",
            "blockSize",
            "byteSize",
            "caseWithExpression",
            "countDigits",
            "currentDatabase",
            "currentUser",
        ),
        *(
            "defaultValueOfArgumentType",
            "defaultValueOfTypeName",
            "displayName",
            "dumpColumnStructure",
            "errorCodeToName",
        ),
        *("finalizeAggregation", "formatQuery", "formatQuerySingleLine", "formatReadableDecimalSize"),
        *(
            "formatReadableQuantity",
            "formatReadableSize",
            "formatReadableTimeDelta",
            "getSizeOfEnumType",
            "getSubcolumn",
        ),
        *(
            "globalVariable",
            "grouping",
            "hostName",
            "identity",
            "ignore",
            "indexHint",
            "initializeAggregation",
            "isConstant",
        ),
        *("isDecimalOverflow", "lambda", "lowCardinalityIndices", "lowCardinalityKeys", "materialize", "neighbor"),
        *(
            "normalizeQuery",
            "normalizedQueryHash",
            "parseReadableSize",
            "parseReadableSizeOrNull",
            "parseReadableSizeOrZero",
        ),
        *("parseTimeDelta", "rowNumberInAllBlocks", "rowNumberInBlock", "runningAccumulate", "runningDifference"),
        *(
            "runningDifferenceStartingWithFirstValue",
            "throwIf",
            "toColumnTypeName",
            "toTypeName",
            "transform",
            "uptime",
        ),
        *("variantElement", "variantType", "version", "visibleWidth"),
    }
)
FORBIDDEN_FUNCTIONS: Final = frozenset({"chdb", "sleep", "sleepEachRow"})
COMBINATORS: Final = (
    *("SimpleState", "OrDefault", "Distinct", "Resample", "ForEach", "ArgMax", "ArgMin", "OrNull", "Tuple", "Merge"),
    *("State", "Array", "Null", "Map", "If"),
)
# What SQL tools ask a server about itself.
SYSTEM_TABLES: Final = frozenset(
    {
        *(
            "aggregate_function_combinators",
            "build_options",
            "collations",
            "columns",
            "completions",
            "data_type_families",
        ),
        *("databases", "documentation", "formats", "functions", "keywords", "licenses", "numbers", "numbers_mt", "one"),
        *("settings", "table_engines", "table_functions", "tables", "time_zones", "zeros", "zeros_mt"),
    }
)
_METADATA_DATABASES: Final = frozenset({"information_schema", "INFORMATION_SCHEMA"})
_IN_FUNCTIONS: Final = re.compile(r"(global)?(not)?(null)?in(ignoreset)?", re.IGNORECASE)

# A condition of the user must never run before the tenant's filter: no PREWHERE, no merging of filters.
_KEEP_FILTER_FIRST: Final = {
    "optimize_move_to_prewhere": "0",
    "optimize_move_to_prewhere_if_final": "0",
    "query_plan_optimize_prewhere": "0",
    "query_plan_merge_filters": "0",
    "query_plan_merge_filter_into_join_condition": "0",
    "optimize_use_projections": "0",
    "optimize_use_implicit_projections": "0",
    "use_query_cache": "0",
}


class Scope(enum.Enum):
    """Whose rows a statement may see."""

    TENANT = "tenant"  # one tenant's rows, and what SQL tools ask about tables
    OPERATOR = "operator"  # one tenant's rows, and all that the engine tells about itself
    EVERYTHING = "everything"  # the rows of all tenants


@dataclass(frozen=True, slots=True)
class Function:
    """A function as ``system.functions`` lists it."""

    name: str
    category: str
    is_aggregate: bool
    is_builtin: bool
    ignores_case: bool


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the engine has: functions by name with aliases resolved, and the tables and views of our database."""

    functions: Mapping[str, Function]
    tables: frozenset[str]
    views: frozenset[str]
    tenant_tables: frozenset[str]

    def function(self, name: str) -> Function | None:
        """The function that a call means; aggregates with combinators (``sumIf``) as what they are made from."""
        if found := self.functions.get(name):
            return found
        found = self.functions.get(name.lower())
        if found is not None and found.ignores_case:
            return found
        for suffix in COMBINATORS:
            if name.endswith(suffix) and len(name) > len(suffix):
                base = self.function(name.removesuffix(suffix))
                if base is not None and base.is_aggregate:
                    return base
        return None


@dataclass(frozen=True, slots=True)
class Canonical:
    """A statement as ClickHouse's parser writes it, without its FORMAT."""

    sql: str
    output_format: str | None


def canonical(formatted: str) -> Canonical:
    r"""Take FORMAT off a statement that ``formatQuery`` wrote, and refuse what its tree could not show truly.

    >>> canonical("SELECT 1\nFORMAT JSON")
    Canonical(sql='SELECT 1', output_format='JSON')
    """
    text = formatted.strip()
    if len(text) > MAX_SQL_BYTES:
        raise TooLarge(f"the statement is longer than {MAX_SQL_BYTES // 1024} KiB", code="sql_too_long")
    output_format = None
    # A line of its own that is not indented; text and names of the user have no raw line breaks in this form.
    if match := re.search(r"\nFORMAT `?(\w+)`?\Z", text):
        text, output_format = text[: match.start()], match[1]
    bare = _outside_strings(text)
    if re.search(r"\bPREWHERE\b", bare, re.IGNORECASE):
        raise _refused("PREWHERE is not allowed", "write WHERE; what can be moved is moved")
    return Canonical(text, output_format)


def _outside_strings(text: str) -> str:
    def keep(match: re.Match[str]) -> str:
        token = match[0]
        if token[0] != "'" and ("\\" in token or "\n" in token):
            # The tree would show such a name over several lines, and a forged name could look like other nodes.
            raise _refused("names with escape sequences are not allowed", "rename it with letters, digits and _")
        return "''" if token[0] == "'" else token

    return re.sub(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.|``)*`|\"(?:[^\"\\]|\\.|\"\")*\"", keep, text, flags=re.DOTALL)


@dataclass(slots=True)
class _Node:
    kind: str
    rest: str
    children: list[_Node]

    @property
    def name(self) -> str:
        """The node's own word: a function's or an identifier's name."""
        return re.sub(r" \((?:children \d+|alias .*)\).*\Z", "", self.rest).strip()


def check(explain_ast: Iterable[str], catalogue: Catalogue, scope: Scope) -> None:
    """Refuse a statement whose tree, as ``EXPLAIN AST`` prints it, has anything that is not known to be harmless."""
    root = _tree(explain_ast)
    if root.kind not in STATEMENTS:
        raise _refused("only statements that read are allowed", "use SELECT, EXPLAIN, DESCRIBE or SHOW")
    if any(child.kind == "Literal" for child in root.children) and root.kind.startswith("Select"):
        raise _refused("INTO OUTFILE is not allowed", "")
    _check_node(root, None, catalogue, scope)


def _tree(lines: Iterable[str]) -> _Node:
    stack: list[tuple[int, _Node]] = []
    root: _Node | None = None
    for line in lines:
        stripped = line.lstrip(" ")
        if not stripped:
            continue
        depth = len(line) - len(stripped)
        kind, _, rest = stripped.partition(" ")
        node = _Node(kind, rest, [])
        while stack and stack[-1][0] >= depth:
            stack.pop()
        if stack:
            stack[-1][1].children.append(node)
        elif root is None:
            root = node
        else:
            raise _refused("the statement's tree cannot be read", "")
        stack.append((depth, node))
    if root is None:
        raise UserError("there is no statement", code="sql_empty")
    return root


def _check_node(node: _Node, parent: _Node | None, catalogue: Catalogue, scope: Scope) -> None:
    match node.kind:
        case "ColumnsApplyTransformer":
            raise _refused("APPLY is not allowed", "write the function around each column")
        case kind if kind not in NODES:
            raise _refused(f"{_words(kind)} is not allowed here", "use SELECT, EXPLAIN, DESCRIBE or SHOW")
        case "Set" if parent is None or parent.kind != "Explain":
            raise _refused("SETTINGS are not allowed", "give limits beside the statement")
        case "Explain" if not re.match(
            r"EXPLAIN(?: (?:AST|SYNTAX|QUERY TREE|PIPELINE|ESTIMATE|PLAN))?(?: \(|\Z)", node.rest
        ):
            raise _refused("this kind of EXPLAIN is not allowed", "")
        case "TableIdentifier":
            _check_table(node.name, catalogue, scope)
        case "ShowCreateTableQuery" | "ExistsTableQuery":
            _check_table(".".join(node.name.split()), catalogue, scope)
        case "Function":
            _check_function(node, parent, catalogue)
    for child in node.children:
        _check_node(child, node, catalogue, scope)


def _check_table(name: str, catalogue: Catalogue, scope: Scope) -> None:
    database, dot, table = name.replace("`", "").rpartition(".")
    if database in {"", "sonde"}:
        # Without a database it may be the name of a WITH clause, which hides no table that is not ours.
        known = not dot or table in catalogue.tables or table in catalogue.views
        hidden = table in catalogue.tables and table not in catalogue.tenant_tables and scope is not Scope.EVERYTHING
        if known and not hidden:
            return
        if not known:
            raise UserError(f"Unknown table expression identifier '{name}'", code="clickhouse.60")
    elif (
        database == "system" and (scope is not Scope.TENANT or table in SYSTEM_TABLES)
    ) or database in _METADATA_DATABASES:
        return
    raise _refused(f"table {name} is not open to queries", "see SHOW TABLES for those that are")


def _check_function(node: _Node, parent: _Node | None, catalogue: Catalogue) -> None:
    name = node.name
    if parent is not None and parent.kind == "TableExpression":
        if name not in TABLE_FUNCTIONS:
            raise _refused(f"table function {name} is not allowed", f"there are {', '.join(sorted(TABLE_FUNCTIONS))}")
        return
    if _IN_FUNCTIONS.fullmatch(name):
        arguments = node.children[0].children if node.children else []
        if len(arguments) > 1 and arguments[1].kind in {"Identifier", "TableIdentifier"}:
            raise _refused(f"IN {arguments[1].name} could name a table", "write IN (SELECT …), or has(array, item)")
    if name in FUNCTIONS:
        return
    function = catalogue.function(name)
    if function is None:
        raise UserError(f"Function with name `{name}` does not exist", code="clickhouse.46")
    allowed = function.is_builtin and (
        function.is_aggregate or function.category in FUNCTION_CATEGORIES or function.name in FUNCTIONS
    )
    if not allowed or function.name in FORBIDDEN_FUNCTIONS:
        raise _refused(f"function {name} is not allowed", "it reaches beyond the rows of a query")


def settings(catalogue: Catalogue, scope: Scope, tenant: str) -> dict[str, str]:
    """The settings that make a checked statement see one tenant's rows only.

    The tenant's name goes in as hexadecimal digits, so that no name can end the filter's text.
    """
    if scope is Scope.EVERYTHING:
        return {}
    one = f"tenant = unhex(\\'{tenant.encode().hex()}\\')"
    nothing = "0"
    filters = {table: one if table in catalogue.tenant_tables else nothing for table in sorted(catalogue.tables)}
    entries = ", ".join(f"'sonde.{table}': '{condition}'" for table, condition in filters.items())
    return {**_KEEP_FILTER_FIRST, "additional_table_filters": f"{{{entries}}}"}


def _words(kind: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).removesuffix(" Query")


def _refused(message: str, hint: str) -> Forbidden:
    return Forbidden(message, code="sql_refused", hint=hint)
