"""Airbyte CDK: a declarative manifest, records to standard output (nothing is stored). python pull.py URL WORK_DIR"""

import json
import sys
from pathlib import Path

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.sources.declarative.concurrent_declarative_source import (
    ConcurrentDeclarativeSource,
)

url, work_dir = sys.argv[1], Path(sys.argv[2])
stream = {
    "type": "DeclarativeStream",
    "name": "invoices",
    "primary_key": ["id"],
    "retriever": {
        "type": "SimpleRetriever",
        "requester": {
            "type": "HttpRequester",
            "url_base": url,
            "path": "/invoices/",
            "http_method": "GET",
            "authenticator": {
                "type": "BasicHttpAuthenticator",
                "username": "bench",
                "password": "bench",
            },
        },
        "record_selector": {
            "type": "RecordSelector",
            "extractor": {"type": "DpathExtractor", "field_path": ["results"]},
        },
        "paginator": {
            "type": "DefaultPaginator",
            "page_token_option": {"type": "RequestPath"},
            "pagination_strategy": {
                "type": "CursorPagination",
                "page_size": 100,
                "cursor_value": "{{ response['next'] }}",
                "stop_condition": "{{ not response['next'] }}",
            },
        },
    },
    "schema_loader": {
        "type": "InlineSchemaLoader",
        "schema": {"type": "object", "additionalProperties": True, "properties": {}},
    },
}
manifest = {
    "version": "7.0.0",
    "type": "DeclarativeSource",
    "check": {"type": "CheckStream", "stream_names": ["invoices"]},
    "streams": [stream],
    "spec": {
        "type": "Spec",
        "connection_specification": {
            "type": "object",
            "additionalProperties": True,
            "properties": {},
        },
    },
}
catalog = {
    "streams": [
        {
            "stream": {
                "name": "invoices",
                "json_schema": {},
                "supported_sync_modes": ["full_refresh"],
                "source_defined_primary_key": [["id"]],
            },
            "sync_mode": "full_refresh",
            "destination_sync_mode": "overwrite",
        }
    ]
}
(work_dir / "config.json").write_text("{}")
(work_dir / "catalog.json").write_text(json.dumps(catalog))
arguments = [
    "read",
    "--config",
    str(work_dir / "config.json"),
    "--catalog",
    str(work_dir / "catalog.json"),
]
source = ConcurrentDeclarativeSource(catalog=None, config={}, state=[], source_config=manifest)
launch(source, arguments)
