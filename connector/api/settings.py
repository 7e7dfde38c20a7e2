"""The configuration in force, without its secrets."""

from __future__ import annotations

from importlib.metadata import version

from marshmallow import Schema, fields

from connector.api.resource import Context, Json, Resource
from connector.people.roles import Permission
from connector.views.configuration import configuration


class OptionSchema(Schema):
    """One option."""

    name = fields.String(required=True)
    value = fields.String(required=True, metadata={"description": "In words; a secret is masked."})


class TableSchema(Schema):
    """One table of the configuration."""

    title = fields.String(required=True)
    file = fields.String(required=True)
    options = fields.List(fields.Nested(OptionSchema), required=True)


class Settings(Schema):
    """What the connector was told to do."""

    version = fields.String(required=True)
    approval = fields.String(
        required=True,
        metadata={"description": "What activating a mapping demands: none or second_person."},
    )
    backtest_required = fields.Boolean(required=True)
    tables = fields.List(fields.Nested(TableSchema), required=True)


def create(context: Context) -> Resource:
    """`/settings`."""
    resource = Resource("settings", "/settings", "The configuration in force.")
    config = context.program.config

    @resource.operation("", Permission.CONNECTIONS_MANAGE)
    @resource.response(200, Settings)
    def settings() -> Json:
        """Every option with its value, secrets masked; the version."""
        return {
            "version": version("invoice-financing-connector"),
            "approval": config.mappings.approval,
            "backtest_required": config.mappings.backtest_required,
            "tables": [
                {
                    "title": table.title,
                    "file": table.file,
                    "options": [{"name": n, "value": v} for n, v in table.options],
                }
                for table in configuration(config)
            ],
        }

    return resource
