/** An empty list that says what to do next. */
import type { ComponentChildren } from "preact";
import { CopyButton } from "./copy";

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

const PYTHON = `pip install sonde

import sonde
sonde.configure(service="my-service")`;

/** How to send the first data: the SDK in three lines, or any OpenTelemetry client by its endpoint. */
export function SendData() {
  const endpoint = `OTEL_EXPORTER_OTLP_ENDPOINT=http://${window.location.hostname}:4318`;
  return (
    <div class="send-data">
      <Snippet label="From Python" text={PYTHON} />
      <Snippet label="From any OpenTelemetry SDK or collector" text={endpoint} />
    </div>
  );
}

export function Snippet({ label, text }: { label: string; text: string }) {
  return (
    <figure class="snippet">
      <figcaption>
        <span>{label}</span>
        <CopyButton text={text} label={`Copy: ${label}`} />
      </figcaption>
      <pre>{text}</pre>
    </figure>
  );
}
