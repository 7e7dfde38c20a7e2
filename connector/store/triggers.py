"""Rules that no code path can get around: append-only tables, frozen columns, kept rows. Spelt per database."""

from __future__ import annotations

from collections.abc import Sequence

from connector.store.schema import APPEND_ONLY, FINAL, FROZEN, KEPT, REPLACEABLE, TERMS

_POSTGRESQL_FUNCTION = """\
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception using message = tg_table_name || ': ' || tg_argv[0], errcode = 'restrict_violation';
end $$"""


def trigger_names() -> list[str]:
    """The names of all triggers, alike on every database (PostgreSQL has one more per append-only table)."""
    names = [f"{table}_no_update" for table in APPEND_ONLY]
    names += [f"{table}_no_delete" for table in (*APPEND_ONLY, *KEPT)]
    names += [f"{table}_frozen" for table in FROZEN]
    names += [f"{table}_final" for table in FINAL]
    return [*names, "financing_invoices_terms"]


def trigger_statements(dialect_name: str) -> list[str]:
    """The statements that make all triggers on `sqlite` or `postgresql`."""
    return _sqlite() if dialect_name == "sqlite" else _postgresql()


def _sqlite() -> list[str]:
    def refuse(name: str, when: str, table: str, why: str) -> str:
        return (
            f"create trigger {name} before {when} on {table} {_changed_sqlite(name, table)}\n"
            f"begin select raise(abort, '{table}: {why}'); end"
        ).replace(" \n", "\n")

    statements = [
        refuse(f"{table}_no_update", "update", table, "rows are never changed")
        for table in APPEND_ONLY
    ]
    statements += [
        refuse(f"{table}_no_delete", "delete", table, "rows are never deleted")
        for table in (*APPEND_ONLY, *KEPT)
    ]
    statements += [
        refuse(
            f"{table}_frozen",
            f"update of {', '.join(columns)}",
            table,
            "a fixed column was changed",
        )
        for table, columns in FROZEN.items()
    ]
    statements += [
        refuse(f"{table}_final", f"update of {', '.join(columns)}", table, "it has ended already")
        for table, columns in FINAL.items()
    ]
    name, table = "financing_invoices_terms", "financing_invoices"
    statements.append(
        refuse(name, f"update of {', '.join(TERMS)}", table, "the terms are fixed once sent")
    )
    return statements


def _changed_sqlite(name: str, table: str) -> str:
    if name.endswith("_frozen"):
        return f"when {_differ(FROZEN[table], 'is not')}"
    if name.endswith("_final"):
        return f"when {_final_condition(table, 'is not')}"
    if name.endswith("_terms"):
        return f"when {_terms_condition('is not')}"
    return ""


def _postgresql() -> list[str]:
    def refuse(name: str, when: str, table: str, why: str, condition: str = "") -> str:
        rows = "statement" if when == "truncate" else "row"
        guard = f" when ({condition})" if condition else ""
        return (
            f"create trigger {name} before {when} on {table}\n"
            f"for each {rows}{guard} execute function refuse_change('{why}')"
        )

    statements = [_POSTGRESQL_FUNCTION]
    statements += [
        refuse(f"{table}_no_update", "update", table, "rows are never changed")
        for table in APPEND_ONLY
    ]
    for table in (*APPEND_ONLY, *KEPT):
        statements.append(refuse(f"{table}_no_delete", "delete", table, "rows are never deleted"))
        statements.append(
            refuse(f"{table}_no_truncate", "truncate", table, "rows are never deleted")
        )
    statements += [
        refuse(
            f"{table}_frozen",
            f"update of {', '.join(columns)}",
            table,
            "a fixed column was changed",
            _differ(columns, "is distinct from"),
        )
        for table, columns in FROZEN.items()
    ]
    statements += [
        refuse(
            f"{table}_final",
            f"update of {', '.join(columns)}",
            table,
            "it has ended already",
            _final_condition(table, "is distinct from"),
        )
        for table, columns in FINAL.items()
    ]
    statements.append(
        refuse(
            "financing_invoices_terms",
            f"update of {', '.join(TERMS)}",
            "financing_invoices",
            "the terms are fixed once sent",
            _terms_condition("is distinct from"),
        )
    )
    return statements


def _differ(columns: Sequence[str], operator: str) -> str:
    return " or ".join(f"old.{column} {operator} new.{column}" for column in columns)


def _final_condition(table: str, operator: str) -> str:
    columns = FINAL[table]
    return f"old.{columns[0]} is not null and ({_differ(columns, operator)})"


def _terms_condition(operator: str) -> str:
    states = ", ".join(f"'{state}'" for state in REPLACEABLE)
    return f"old.state not in ({states}) and ({_differ(TERMS, operator)})"
