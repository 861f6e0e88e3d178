"""OTLP 1.11, the protocol of OpenTelemetry: traces, logs and metrics over HTTP and gRPC.

One body's way: ``http`` or ``grpc`` reads it, ``content`` undoes its compression and its JSON (``json``), ``body``
checks it with the flattened messages of ``flat``, ``sift`` takes out what cannot be kept, ``receiver`` hands it to the
``Consumer``, and the front door answers. ``services`` is the table of the three signals that all of them read.

Specification: https://opentelemetry.io/docs/specs/otlp/
"""
