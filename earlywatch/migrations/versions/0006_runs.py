"""Bring runs, looks and keys to where 0005 made room for them, and prove its promises.

Some thousand monitors at a time, each in a transaction of its own: none waits for long, and where
it stops it can be run again. Proving reads a table while reads and writes go on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STEP = 5_000  # monitors
END = "SELECT coalesce(max(id), 0) FROM monitor"
BRING = """
    UPDATE monitor SET look_at = deadline_at, runs = CASE WHEN started_at IS NOT NULL THEN
        jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('id', run_id, 'started_at',
            to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'))))
    END
    WHERE id > :after AND id <= :after + :step AND look_at IS NULL AND runs IS NULL
        AND (deadline_at IS NOT NULL OR started_at IS NOT NULL)
"""
NEW_KEYS = "UPDATE workspace SET ping_key = DEFAULT WHERE ping_key IS NULL"


def upgrade() -> None:
    connection = op.get_bind()
    with op.get_context().autocommit_block():
        for after in range(0, connection.scalar(sa.text(END)) or 0, STEP):
            connection.execute(sa.text(BRING), {"after": after, "step": STEP})
        connection.execute(sa.text(NEW_KEYS))
        for name in ("ping_kind", "ping_moved_body"):
            op.execute(f"ALTER TABLE ping VALIDATE CONSTRAINT ck_{name}")
    op.alter_column("workspace", "ping_key", nullable=False)


def downgrade() -> None:
    op.alter_column("workspace", "ping_key", nullable=True)
