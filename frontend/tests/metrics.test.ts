import { describe, expect, it } from "vitest";
import { instantRows, seriesText } from "../src/api/prometheus";
import { commonLabels, differingLabels, withoutLabels } from "../src/pages/metrics/common-labels";
import { chosenSeries, nextOnly, toDrawing } from "../src/pages/metrics/drawn-series";
import { thinned, toExemplars } from "../src/pages/metrics/exemplar-marks";
import { summarise, toColumns } from "../src/pages/metrics/matrix";
import { findFamilies, leadOf, toFamilies } from "../src/pages/metrics/metric-family";
import { formatMetric, formatMetricTick } from "../src/pages/metrics/metric-value";
import {
  exprParameters,
  formatStep,
  letterOf,
  rangeAddress,
  readMetricsQuery,
  stepSeconds,
} from "../src/pages/metrics/metrics-query";
import { offsetOf, readAnnotation, readProblem } from "../src/pages/metrics/promql-problem";
import { suggestion } from "../src/pages/metrics/suggestion";
import { nextSort, sortTable, toTable } from "../src/pages/metrics/table-rows";

describe("the first question about a metric", () => {
  it.each([
    ["process_open_fds", "gauge", "process_open_fds"],
    ["http_requests_total", "counter", "rate(http_requests_total[5m])"],
    ["jobs_total", "", "rate(jobs_total[5m])"],
    ["latency_seconds_bucket", "histogram", "histogram_quantile(0.95, sum by (le) (rate(latency_seconds_bucket[5m])))"],
    ["latency_seconds", "histogram", "histogram_quantile(0.95, sum(rate(latency_seconds[5m])))"],
    ["latency_seconds_count", "histogram", "rate(latency_seconds_count[5m])"],
    ["http.server.duration", "gauge", '{"http.server.duration"}'],
  ])("of %s, a %s, is %s", (name, type, expr) => {
    expect(suggestion(name, type)).toBe(expr);
  });
});

describe("a matrix on a chart", () => {
  it("has every time of the range, and gaps where a series has no value", () => {
    const series = [
      {
        metric: { __name__: "up", job: "a" },
        values: [
          [0, "1"],
          [30, "NaN"],
          [45, "2.5"],
        ] as [number, string][],
      },
    ];
    expect(toColumns(series, 0, 60, 15)).toEqual({
      times: [0, 15, 30, 45, 60],
      columns: [{ metric: { __name__: "up", job: "a" }, values: [1, null, null, 2.5, null] }],
      hasHistograms: false,
    });
  });
  it("shows a histogram by its count", () => {
    const series = [
      { metric: {}, histograms: [[15, { count: "7", sum: "3" }]] as [number, { count: string; sum: string }][] },
    ];
    const { columns, hasHistograms } = toColumns(series, 15, 15, 15);
    expect([columns[0]?.values, hasHistograms]).toEqual([[7], true]);
  });
  it("is summed up without its gaps", () => {
    expect(summarise([null, 4, 1, null, 1])).toEqual({ min: 1, mean: 2, max: 4, last: 1 });
    expect(summarise([null])).toEqual({ min: Number.NaN, mean: Number.NaN, max: Number.NaN, last: Number.NaN });
  });
});

describe("what is asked of the server", () => {
  it.each([
    [60, 1],
    [3600, 10],
    [86_400, 300],
    [30 * 86_400, 7200],
  ])("for %s s is a step of %s s", (seconds, step) => {
    expect(stepSeconds({ startSeconds: 0, endSeconds: seconds })).toBe(step);
  });
  it("lies on multiples of the step, so that a refresh draws the same points", () => {
    const url = new URL(rangeAddress("up", { startSeconds: 1001, endSeconds: 4601 }, 10), "http://sonde");
    expect([url.searchParams.get("start"), url.searchParams.get("end")]).toEqual(["1010", "4600"]);
  });
});

describe("text", () => {
  it("of a series is PromQL", () => {
    expect(seriesText({ __name__: "up" })).toBe("up");
    expect(seriesText({ job: 'a"b' })).toBe('{job="a\\"b"}');
    expect(seriesText({})).toBe("{}");
  });
  it.each([
    [0, "0"],
    [1234.5, "1.234k"],
    [0.25, "0.25"],
    [2_500_000, "2.5M"],
    [0.00001234, "1.23e-5"],
    [-12, "-12"],
    [Number.NaN, "–"],
  ])("of %s is %s", (value, text) => {
    expect(formatMetric(value)).toBe(text);
  });
  it.each([
    [1_234_500, 500, "1.2345M"],
    [1_200_000, 100_000, "1.2M"],
    [0, 5, "0"],
  ])("of a tick at %s, the next %s away, is %s", (value, apart, text) => {
    expect(formatMetricTick(value, apart)).toBe(text);
  });
  it.each([
    [5, "5 s"],
    [60, "1 min"],
    [90, "90 s"],
    [7200, "2 h"],
    [172_800, "2 d"],
  ])("of a step of %s s is %s", (seconds, text) => {
    expect(formatStep(seconds)).toBe(text);
  });
});

describe("an instant answer", () => {
  const vector = {
    resultType: "vector" as const,
    result: [
      { metric: { __name__: "x", le: "5", job: "a" }, value: [1, "7"] as [number, string] },
      { metric: { __name__: "x", le: "10", job: "a" }, value: [1, "NaN"] as [number, string] },
      { metric: { __name__: "x", le: "+Inf", job: "a" }, value: [1, "+Inf"] as [number, string] },
    ],
  };
  it("is a row a series, or a sample", () => {
    expect(instantRows({ resultType: "scalar", result: [1, "3"] })).toEqual([{ metric: {}, value: "3", time: null }]);
    const range = {
      resultType: "matrix" as const,
      result: [{ metric: { a: "b" }, values: [[9, "2"]] as [number, string][] }],
    };
    expect(instantRows(range)).toEqual([{ metric: { a: "b" }, value: "2", time: 9 }]);
  });
  it("has a column for each label that differs, and says the others once", () => {
    const table = toTable([vector, null]);
    expect([table.labels, table.common, table.rows.length, table.hasTimes]).toEqual([
      ["le"],
      { __name__: "x", job: "a" },
      3,
      false,
    ]);
  });
  it.each([
    ["value", ["10", "5", "+Inf"]],
    ["-value", ["+Inf", "5", "10"]],
    ["le", ["+Inf", "5", "10"]],
    ["", ["5", "10", "+Inf"]],
  ])("sorted by %j is %j", (sort, bounds) => {
    expect(sortTable(toTable([vector]).rows, sort).map(({ metric }) => metric.le)).toEqual(bounds);
  });
  it("is turned round by a second press", () => {
    expect([nextSort("le", ""), nextSort("le", "-le"), nextSort("le", "le")]).toEqual(["-le", "le", "-le"]);
  });
});

describe("series of one chart", () => {
  const asked = (expr: string, ...metrics: Record<string, string>[]) => ({
    expr,
    result: {
      resultType: "matrix" as const,
      result: metrics.map((metric) => ({ metric, values: [[0, "1"]] as [number, string][] })),
    },
  });
  const window = { startSeconds: 0, endSeconds: 60 };
  it("are told by what sets them apart", () => {
    const a = { __name__: "up", job: "a", zone: "eu" };
    expect([commonLabels([a, { ...a, job: "b" }]), commonLabels([a])]).toEqual([{ __name__: "up", zone: "eu" }, {}]);
    expect(withoutLabels(a, { zone: "eu" })).toEqual({ __name__: "up", job: "a" });
    expect(differingLabels([{ b: "1", __name__: "x" }, { a: "1" }])).toEqual(["__name__", "a", "b"]);
  });
  it("carry the letter of their query where there are several", () => {
    const up = (job: string) => ({ __name__: "up", job });
    const { series, common } = toDrawing([asked("up", up("a"), up("b")), asked("sum(up)", {})], window, 15);
    expect(series.map(({ key, name }) => [key, name])).toEqual([
      ['A up{job="a"}', 'A  {job="a"}'],
      ['A up{job="b"}', 'A  {job="b"}'],
      ["B {}", "B  sum(up)"],
    ]);
    expect(common).toEqual([{ letter: "A", labels: { __name__: "up" } }]);
  });
  it("are all shown when none of the chosen is there any more", () => {
    const series = [{ key: "a" }, { key: "b" }];
    expect([chosenSeries(series, ["b"]), chosenSeries(series, ["gone"])]).toEqual([[{ key: "b" }], series]);
  });
  it.each([
    [[], "a", false, ["a"]],
    [["a"], "a", false, []],
    [["a", "b"], "a", false, ["a"]],
    [["a"], "b", true, ["a", "b"]],
    [["a", "b"], "a", true, ["b"]],
  ])("%j, after a click on %s (with Ctrl: %s), are %j", (only, key, more, next) => {
    expect(nextOnly(only, key, more)).toEqual(next);
  });
  it("have few exemplars, the greatest of each moment, with their traces", () => {
    const exemplars = [1, 2, 3].map((value) => ({
      labels: { trace_id: `t${value}` },
      value: String(value),
      timestamp: value === 3 ? 50 : 10,
    }));
    const found = thinned(toExemplars([[{ seriesLabels: { __name__: "x" }, exemplars }]]), window);
    expect(found.map(({ time, value, traceId }) => [time, value, traceId])).toEqual([
      [10, 2, "t2"],
      [50, 3, "t3"],
    ]);
  });
});

describe("metrics by name", () => {
  const metadata = {
    latency_seconds: [{ type: "histogram", help: "Time to answer", unit: "seconds" }],
    jobs: [{ type: "counter", help: "Jobs", unit: "" }],
  };
  const counts = new Map([
    ["latency_seconds_bucket", 12],
    ["latency_seconds_sum", 1],
    ["latency_seconds_count", 1],
  ]);
  const names = ["jobs_total", "latency_seconds_bucket", "latency_seconds_count", "latency_seconds_sum", "page_count"];
  const families = toFamilies(names, metadata, counts);
  it("are one for a histogram, with all its series", () => {
    expect(families.map(({ name, type, series }) => [name, type, series])).toEqual([
      ["jobs_total", "counter", null],
      ["latency_seconds", "histogram", 14],
      ["page_count", "", null],
    ]);
    expect(families.map(leadOf)).toEqual(["jobs_total", "latency_seconds_bucket", "page_count"]);
  });
  it("know a histogram by its parts when nothing is said of it", () => {
    const [family] = toFamilies(["x_bucket", "x_count", "x_sum"], {}, new Map());
    expect([family?.name, family?.type]).toEqual(["x", "histogram"]);
  });
  it("are found by words in name, type and help", () => {
    expect(findFamilies(families, "ANSWER lat").map(({ name }) => name)).toEqual(["latency_seconds"]);
    expect(findFamilies(families, "counter").map(({ name }) => name)).toEqual(["jobs_total"]);
  });
});

describe("what a server says is wrong", () => {
  it.each([
    [
      'invalid parameter "query": 1:5: parse error: unexpected end of input',
      "up +",
      "unexpected end of input",
      4,
      "1:5",
    ],
    ['invalid parameter "query": 2:3: parse error: bad', "a +\n  b", "bad", 6, "2:3"],
    ["query timed out in expression evaluation", "up", "query timed out in expression evaluation", null, ""],
  ])("%j of %j is %j at %s", (error, expr, message, offset, place) => {
    expect(readProblem(error, expr)).toEqual({ message, offset, place });
  });
  it("stands at a byte, which is not a character", () => {
    expect(offsetOf('up{a="é"} + foo(', 1, 18)).toBe(16);
    expect(offsetOf("up", 1, 99)).toBe(2);
  });
  it("is a remark without the word that its colour says already", () => {
    expect(readAnnotation('PromQL info: metric might not be a counter: "up" (1:6)', "rate(up[5m])")).toEqual({
      message: 'metric might not be a counter: "up"',
      offset: 5,
      place: "1:6",
    });
  });
});

describe("the explorer's address", () => {
  it("has a query for each letter, and one that is empty to begin with", () => {
    expect(readMetricsQuery(new URLSearchParams("")).exprs).toEqual([""]);
    const read = readMetricsQuery(new URLSearchParams("expr=a&expr=&view=table&shape=stacked&exemplars=0&only=x"));
    expect(read).toEqual({
      exprs: ["a", ""],
      view: "table",
      shape: "stacked",
      only: ["x"],
      exemplars: false,
      sort: "",
    });
    expect([letterOf(0), letterOf(7)]).toEqual(["A", "H"]);
  });
  it("is empty again when its only query is", () => {
    expect([exprParameters([""]), exprParameters(["a", ""])]).toEqual([[], ["a", ""]]);
  });
});
