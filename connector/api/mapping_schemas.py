"""What the mapping resource takes and gives."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from connector.api.resource import instant_field, text_field

LARGEST_DOCUMENT = 131_072


class DocumentSchema(Schema):
    """One version of one layer's document."""

    document = fields.Integer(required=True, metadata={"description": "Its number."})
    subject = fields.String(metadata={"description": "`layer:name`"})
    layer = fields.String(metadata={"description": "base, company or connection"})
    name = fields.String()
    version = fields.Integer()
    title = fields.String()
    state = fields.String(
        metadata={
            "description": "draft, checked, backtested, approved, active, superseded or withdrawn"
        }
    )
    created_at = instant_field()
    created_by = fields.String()
    approved_at = instant_field(allow_none=True)
    approved_by = fields.String(allow_none=True)
    activated_at = instant_field(allow_none=True)
    activated_by = fields.String(allow_none=True)
    based_on = fields.Integer(allow_none=True)
    note = fields.String(allow_none=True)
    sha256 = fields.String()
    text = fields.String(metadata={"description": "TOML, as written; absent in lists."})


class Documents(Schema):
    """Documents."""

    items = fields.List(fields.Nested(DocumentSchema), required=True)


class DocumentQuery(Schema):
    """Which documents."""

    subject = text_field(load_default=None)


class DocumentBody(Schema):
    """A new draft."""

    subject = text_field(required=True, metadata={"description": "`connection:books`, ..."})
    text = text_field(LARGEST_DOCUMENT, required=True)
    note = text_field(1000, load_default=None, allow_none=True)


class EntryValue(fields.Field[Any]):
    """Text, true, false, or a list of texts."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        texts = value if isinstance(value, list) else [value]
        if isinstance(value, bool) or all(isinstance(text, str) for text in texts):
            return value
        raise ValidationError("Expected text, true, false, or a list of texts.")


class EditBody(Schema):
    """The next version: a whole text, or single entries by their path (`fields.due_date`)."""

    text = text_field(LARGEST_DOCUMENT, load_default=None, allow_none=True)
    entries = fields.Dict(keys=text_field(), values=EntryValue(), load_default=dict)
    note = text_field(1000, load_default=None, allow_none=True)


class VersionSchema(Schema):
    """What decides for a connection."""

    connection = fields.String(required=True)
    version = fields.Integer()
    state = fields.String()
    layers = fields.List(fields.Integer(), metadata={"description": "Documents, lowest first."})
    activated_at = instant_field(allow_none=True)
    remap_since = fields.String(allow_none=True)
    remapped_at = instant_field(
        allow_none=True, metadata={"description": "Null: stored records are being decided anew."}
    )
    sha256 = fields.String()


class Versions(Schema):
    """The mapping in force of every connection."""

    items = fields.List(fields.Nested(VersionSchema), required=True)
    subjects = fields.List(fields.String(), metadata={"description": "Layers there can be."})


class InForce(Schema):
    """A mapping with all its layers."""

    text = fields.String(required=True)
    origins = fields.Dict(keys=fields.String(), values=fields.String())


class Verdict(Schema):
    """Whether all is well, and what is not."""

    ok = fields.Boolean(required=True)
    problems = fields.List(fields.String(), required=True)


class ExplainQuery(Schema):
    """By which mapping."""

    document = fields.Integer(load_default=None, validate=validate.Range(min=1, max=2**62))


class Explained(Schema):
    """An explanation for people."""

    text = fields.String(required=True)


class TrialSchema(Schema):
    """A back-test or shadow run."""

    trial = fields.Integer(required=True, metadata={"description": "Its number."})
    kind = fields.String()
    document = fields.Integer()
    connection = fields.String()
    active_version_id = fields.Integer()
    state = fields.String(metadata={"description": "waiting, running, finished or failed"})
    scope = fields.Dict(keys=fields.String())
    started_at = instant_field()
    started_by = fields.String()
    until = instant_field(allow_none=True)
    finished_at = instant_field(allow_none=True)
    records = fields.Integer(metadata={"description": "Compared so far."})
    error = fields.String(allow_none=True)


class Trials(Schema):
    """Trials."""

    items = fields.List(fields.Nested(TrialSchema), required=True)


class Reported(TrialSchema):
    """A trial with what it found."""

    report = fields.Dict(keys=fields.String(), allow_none=True)


class BacktestBody(Schema):
    """Which stored versions, as of which day."""

    as_of = fields.Date(load_default=None, allow_none=True)
    since = fields.Date(load_default=None, allow_none=True)
    until = fields.Date(load_default=None, allow_none=True)
    older_versions = fields.Boolean(load_default=True)


class ShadowBody(Schema):
    """How long."""

    days = fields.Integer(load_default=7, strict=True, validate=validate.Range(min=1, max=90))


class ActivateBody(Schema):
    """What becomes of stored records."""

    remap_since = fields.Date(
        load_default=None,
        allow_none=True,
        metadata={"description": "Records stored before that day keep their outcome; null: none."},
    )


class SubjectBody(Schema):
    """Which layer."""

    subject = text_field(required=True)


class RemapBody(Schema):
    """Which stored records."""

    connection = text_field(required=True)
    since = fields.Date(load_default=None, allow_none=True)


class ExampleQuery(Schema):
    """Which examples."""

    connection = text_field(load_default=None)


class ExampleBody(Schema):
    """A record to pin."""

    record_id = fields.Integer(required=True, validate=validate.Range(min=1, max=2**62))
    name = text_field(100, required=True)
    document = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(min=1, max=2**62)
    )
    expected = fields.Dict(
        keys=text_field(),
        load_default=None,
        allow_none=True,
        metadata={"description": "Instead of what the mapping makes of it."},
    )


class ExampleSchema(Schema):
    """A golden example."""

    connection = fields.String(required=True)
    name = fields.String(required=True)
    version = fields.Integer()
    state = fields.String()
    document = fields.Integer(allow_none=True)
    record = fields.String()
    today = fields.String()
    expected = fields.Dict(keys=fields.String())
    by = fields.String()
    created_at = instant_field()


class Examples(Schema):
    """Golden examples."""

    items = fields.List(fields.Nested(ExampleSchema), required=True)
