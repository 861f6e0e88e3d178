"""Options that several commands take, with one meaning everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where segments, the store and the state live.", show_default=False)
]
Config = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The YAML file; also SONDE_CONFIG.", show_default=False)
]
Listen = Annotated[str | None, typer.Option(metavar="HOST:PORT", help="UI and API.", show_default="127.0.0.1:3000")]
OtlpGrpc = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="OTLP over gRPC.", show_default="127.0.0.1:4317")
]
OtlpHttp = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="OTLP over HTTP.", show_default="127.0.0.1:4318")
]
DropIn = Annotated[
    bool | None,
    typer.Option(
        "--drop-in", help="Also open the originals' standard ports: 9090, Prometheus, and 9093, Alertmanager."
    ),
]
Server = Annotated[str, typer.Option(envvar="SONDE_URL", help="The running Sonde to ask.", metavar="URL")]
ApiKey = Annotated[
    str,
    typer.Option(
        "--key", metavar="KEY", envvar="SONDE_API_KEY", help="API key, if that Sonde wants one.", show_default=False
    ),
]
Tenant = Annotated[
    str,
    typer.Option(
        metavar="TENANT", envvar="SONDE_TENANT", help="The tenant to ask about (X-Scope-OrgID).", show_default=False
    ),
]

DEFAULT_SERVER = "http://127.0.0.1:3000"
