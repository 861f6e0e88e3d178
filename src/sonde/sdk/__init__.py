"""What runs inside a user's service: set-up, instrumentation, JSON logs, context, redaction, LLM, RAG and feedback
helpers.

Telemetry is made on the host's threads, queued, and leaves on one thread of ours:

    host code ─► OpenTelemetry SDK ─► providers (processors) ─► outbox (bounded, one thread) ─► redact ─► wire
    (OTLP/HTTP) log calls ─► logs/journal ─┬► a JSON line on stdout
                               └► the same road as an OTLP log record

Three promises hold everywhere: the host never sees an exception of ours (``guard``), no network on the host's threads
(``outbox``), and a server that is down costs dropped telemetry and one log line (``wire``).
"""
