import { describe, expect, it } from "vitest";
import type { ActiveTarget } from "../src/api/prometheus";
import {
  type Cardinality,
  dayStart,
  labelCounts,
  metricCounts,
  pairCounts,
  valuesQuery,
} from "../src/pages/metrics/cardinality";
import { lastScrapeSeconds, readTargetFilters, toPools, upQuery } from "../src/pages/targets/target-list";
import { EACH_PAGE, isWithin, PAGES } from "../src/ui/pages";

function target(scrapePool: string, address: string, health: ActiveTarget["health"], lastError = ""): ActiveTarget {
  return {
    discoveredLabels: {},
    labels: { job: scrapePool, instance: address },
    scrapePool,
    scrapeUrl: `http://${address}/metrics`,
    globalUrl: "",
    lastError,
    lastScrape: "2026-08-01T10:00:00Z",
    lastScrapeDuration: 0.1,
    health,
    scrapeInterval: "15s",
    scrapeTimeout: "10s",
  };
}

const ACTIVE = [
  target("a", "h1:1", "up"),
  target("b", "h3:1", "up"),
  target("b", "h2:1", "down", "connection refused"),
];
const DROPPED = [{ discoveredLabels: { __address__: "h9:1" }, scrapePool: "a" }];
const shown = (search: string) =>
  toPools(["a", "b", "c"], ACTIVE, DROPPED, { a: 2 }, readTargetFilters(new URLSearchParams(search))).map((pool) => [
    pool.name,
    pool.targets.map(({ scrapeUrl }) => scrapeUrl.slice(7, 9)).join(),
    pool.dropped.length,
  ]);

describe("targets", () => {
  it.each([
    [
      "",
      [
        ["b", "h2,h3", 0],
        ["a", "h1", 1],
        ["c", "", 0],
      ],
    ],
    ["health=down", [["b", "h2", 0]]],
    ["pool=a", [["a", "h1", 1]]],
    ["search=REFUSED", [["b", "h2", 0]]],
    ["search=h9", [["a", "", 1]]],
    ["health=nonsense&pool=c", []],
  ])("for %j are %j", (search, pools) => {
    expect(shown(search)).toEqual(pools);
  });
  it("know that the year 1 is no scrape at all", () => {
    const never = { ...ACTIVE[0], lastScrape: "0001-01-01T00:00:00Z" } as ActiveTarget;
    expect([lastScrapeSeconds(never), lastScrapeSeconds(ACTIVE[0] as ActiveTarget)]).toEqual([null, 1785578400]);
  });
  it("are asked for their health by job and instance", () => {
    expect(upQuery(ACTIVE[0] as ActiveTarget)).toBe('up{job="a", instance="h1:1"}');
  });
});

describe("cardinality", () => {
  const found = {
    by_metric: [{ metric: "http.requests", series: 3 }],
    by_label: [
      { label: "__name__", values: 9 },
      { label: "k8s.pod", values: 4 },
    ],
    by_pair: [
      { label: "__name__", value: "up", series: 9 },
      { label: "job", value: 'a"b', series: 4 },
    ],
  } as unknown as Cardinality;
  it("asks the explorer with names as PromQL writes them", () => {
    expect(metricCounts(found)).toEqual([{ name: "http.requests", value: 3, expr: 'count({"http.requests"})' }]);
    expect(labelCounts(found)).toEqual([
      { name: "k8s.pod", value: 4, expr: 'topk(20, count by ("k8s.pod") ({"k8s.pod"!=""}))' },
    ]);
    expect(pairCounts(found).map(({ expr }) => expr)).toEqual(['topk(20, count by (__name__) ({job="a\\"b"}))']);
    expect(valuesQuery("job", "up")).toBe("topk(20, count by (job) (up))");
  });
  it("has days that begin at midnight of UTC", () => expect(dayStart("2026-08-01")).toBe(1785542400));
});

describe("pages", () => {
  const metrics = PAGES.find(({ label }) => label === "Metrics");
  it("know which of them the navigation shows", () => {
    expect(
      metrics && ["/targets", "/cardinality", "/metrics-explorer", "/traces"].map((path) => isWithin(metrics, path)),
    ).toEqual([true, true, true, false]);
  });
  it("are each in the palette, once", () => {
    const paths = EACH_PAGE.map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths).toContain("/targets");
  });
});
