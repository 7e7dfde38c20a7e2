"""Singer SDK: an SQL target for SQLite, as the SDK gives it (upsert by key). python target.py --config FILE"""

import sys
from typing import Any

import sqlalchemy as sa
from singer_sdk import SQLConnector, SQLTarget
from singer_sdk import typing as th
from singer_sdk.sinks import SQLSink


class SQLiteConnector(SQLConnector):
    """Connects to the configured file."""

    allow_temp_tables = False
    allow_column_alter = False
    allow_merge_upsert = True

    def get_sqlalchemy_url(self, config: dict[str, Any]) -> str:
        return f"sqlite:///{config['path']}"


class SQLiteSink(SQLSink):
    """Inserts or replaces by primary key."""

    connector_class = SQLiteConnector

    @property
    def schema_name(self) -> None:
        return None

    def generate_insert_statement(self, full_table_name: str, schema: dict[str, Any]) -> sa.Insert:
        columns = [
            sa.Column(name, sa.JSON if {"object", "array"} & set(property_["type"]) else None)
            for name, property_ in self.conform_schema(schema)["properties"].items()
        ]
        table = sa.Table(full_table_name, sa.MetaData(), *columns)
        return sa.insert(table).prefix_with("OR REPLACE")


class BenchTarget(SQLTarget):
    """The target."""

    name = "target-bench"
    default_sink_class = SQLiteSink
    config_jsonschema = th.PropertiesList(
        th.Property("path", th.StringType, required=True)
    ).to_dict()


if __name__ == "__main__":
    sys.exit(BenchTarget.cli())
