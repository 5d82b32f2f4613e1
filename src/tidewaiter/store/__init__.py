"""PostgreSQL: schema, migrations, bulk writing, queries."""
