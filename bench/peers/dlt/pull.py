"""dlt: a rest_api source into SQLite (sqlalchemy destination), merge on id; everything else at its defaults.

python pull.py URL WORK_DIR
"""

import os
import sys

work_dir = sys.argv[2]
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
os.environ["DLT_DATA_DIR"] = f"{work_dir}/dlt"

import dlt  # noqa: E402  (reads the environment when imported)
from dlt.sources.rest_api import rest_api_source  # noqa: E402

source = rest_api_source(
    {
        "client": {
            "base_url": sys.argv[1] + "/",
            "auth": {"type": "http_basic", "username": "bench", "password": "bench"},
            "paginator": {"type": "json_link", "next_url_path": "next"},
        },
        "resources": [
            {
                "name": "invoices",
                "primary_key": "id",
                "write_disposition": "merge",
                "endpoint": {
                    "path": "invoices/",
                    "params": {"page": 1},
                    "data_selector": "results",
                },
            }
        ],
    }
)
pipeline = dlt.pipeline(
    pipeline_name="bench",
    pipelines_dir=f"{work_dir}/pipelines",
    destination=dlt.destinations.sqlalchemy(f"sqlite:///{work_dir}/dlt.db"),
    dataset_name="main",
)
pipeline.run(source)
