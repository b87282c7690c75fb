"""Find names, old keys, rare kinds, large bodies and what to look at fast.

Each index is made while pings come in: with 50 million of them that takes minutes, in which nobody
waits. One that was begun and left is dropped first.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_monitor_look", "monitor", ["look_at"], "look_at IS NOT NULL"),
    ("ix_monitor_slug", "monitor", ["workspace_id", "slug"], "slug IS NOT NULL"),
    ("uq_monitor_old_ping_key", "monitor", ["old_ping_key"], "old_ping_key IS NOT NULL"),
    ("uq_workspace_ping_key", "workspace", ["ping_key"], None),
    ("uq_workspace_old_ping_key", "workspace", ["old_ping_key"], "old_ping_key IS NOT NULL"),
    ("ix_ping_kind", "ping", ["monitor_id", "kind", "id"], "kind <> 'success'"),
    ("ix_ping_old_key", "ping", ["monitor_id", "id"], "old_key"),
    ("ix_ping_large", "ping", ["id"], "octet_length(body) > 4096 AND body_key IS NULL"),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for what began before, and holds up nobody
        for name, table, columns, where in INDEXES:
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            op.create_index(
                name,
                table,
                columns,
                unique=name.startswith("uq_"),
                postgresql_where=where,
                postgresql_concurrently=True,
            )
        # The last: the detector of the former version looks through it.
        op.drop_index(
            "ix_monitor_deadline",
            table_name="monitor",
            if_exists=True,
            postgresql_concurrently=True,
        )
        op.execute("RESET lock_timeout")


def downgrade() -> None:
    op.create_index(
        "ix_monitor_deadline",
        "monitor",
        ["deadline_at"],
        unique=False,
        postgresql_where="deadline_at IS NOT NULL",
    )
    for name, table, _columns, _where in reversed(INDEXES):
        op.drop_index(name, table_name=table)
