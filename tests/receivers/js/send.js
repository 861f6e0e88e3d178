// Sends one span over each of OTLP's transports, one log record and one metric, with unchanged exporters.
// Usage: node send.js http://127.0.0.1:4318 http://127.0.0.1:4317
'use strict';
const { NodeTracerProvider, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-node');
const { LoggerProvider, SimpleLogRecordProcessor } = require('@opentelemetry/sdk-logs');
const { MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');
const { OTLPLogExporter } = require('@opentelemetry/exporter-logs-otlp-http');
const { OTLPMetricExporter } = require('@opentelemetry/exporter-metrics-otlp-http');

const [http, grpc] = process.argv.slice(2);
const traces = `${http}/v1/traces`;
const exporters = {
  json: new (require('@opentelemetry/exporter-trace-otlp-http').OTLPTraceExporter)({ url: traces }),
  gzip: new (require('@opentelemetry/exporter-trace-otlp-http').OTLPTraceExporter)({ url: traces, compression: 'gzip' }),
  protobuf: new (require('@opentelemetry/exporter-trace-otlp-proto').OTLPTraceExporter)({ url: traces }),
  grpc: new (require('@opentelemetry/exporter-trace-otlp-grpc').OTLPTraceExporter)({ url: grpc }),
};

async function main() {
  for (const [name, exporter] of Object.entries(exporters)) {
    const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    const span = provider.getTracer('shop').startSpan(`over ${name}`, { attributes: { items: 3, tags: ['a', 'b'], ratio: 0.5 } });
    span.recordException(new Error('no stock'));
    span.end();
    await provider.shutdown();
  }
  const logs = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter: new OTLPLogExporter({ url: `${http}/v1/logs` }) })] });
  logs.getLogger('shop').emit({ body: { text: 'cart emptied', items: [1, 2.5, null] }, severityNumber: 9 });
  await logs.shutdown();
  const exporter = new OTLPMetricExporter({ url: `${http}/v1/metrics` });
  const meters = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] });
  meters.getMeter('shop').createHistogram('latency').record(0.2, { route: '/cart' });
  await meters.shutdown();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
