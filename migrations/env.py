"""Runs the migrations on the connection that `database.migrate` hands over, within its transaction."""

from alembic import context

from database.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=True)
with context.begin_transaction():
    context.run_migrations()
