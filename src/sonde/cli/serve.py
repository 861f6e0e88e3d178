"""`sonde serve`: configuration in, a running server out (``app.serve``)."""

from __future__ import annotations

import typer

from sonde.cli import options


def serve(
    data: options.Data = None,
    config: options.Config = None,
    listen: options.Listen = None,
    otlp_grpc: options.OtlpGrpc = None,
    otlp_http: options.OtlpHttp = None,
    drop_in: options.DropIn = None,
) -> None:
    """Start Sonde: receivers, store, API and UI.

    Ctrl-C or SIGTERM ends it cleanly.
    """
    from sonde.cli.log import configure_log
    from sonde.cli.settings import read_settings
    from sonde.store.cpu import require_avx2

    settings = read_settings(
        config,
        {
            "data": None if data is None else str(data),
            "listen": listen,
            "otlp_grpc": otlp_grpc,
            "otlp_http": otlp_http,
            "drop_in": None if drop_in is None else str(drop_in),
        },
    )
    configure_log(settings.log)
    if settings.store.engine == "embedded":
        require_avx2()

    from sonde.app.serve import serve as serve_until_stopped

    raise typer.Exit(serve_until_stopped(settings))
