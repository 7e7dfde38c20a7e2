"""The database: tables, migrations and one repository per kind of row. The only place with SQL."""
