"""Give monitors all that the ping protocol can say: names, runs, progress, keys that change.

Columns and promises alone, none of which reads a table: what does comes with 0006, and indexes
with 0007. Processes of the former version go on beside it: `started_at` and `run_id` stay until the
next release, and the trigger sees to it that a deadline that they write is looked at.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KINDS = "kind IN ('success', 'start', 'fail', 'log', 'ignored')"
OLD_KINDS = "kind IN ('success', 'start', 'fail', 'log')"
# 22 characters, of which one says nothing: 84 bits of a random UUID.
NEW_KEY = "substr(replace(gen_random_uuid()::text, '-', ''), 1, 22)"
KEEP_OLDEST_RUN = """
    UPDATE monitor SET started_at = (runs -> 0 ->> 'started_at')::timestamptz,
        run_id = (runs -> 0 ->> 'id')::uuid
    WHERE runs IS NOT NULL
"""
LOOK_IN_TIME = """
    CREATE FUNCTION look_in_time() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.look_at := NEW.deadline_at; RETURN NEW; END $$
"""
WHERE_LATE = """
    CREATE TRIGGER look_in_time BEFORE INSERT OR UPDATE ON monitor FOR EACH ROW
    WHEN (NEW.deadline_at < coalesce(NEW.look_at, 'infinity'))
    EXECUTE FUNCTION look_in_time()
"""
FALSE, TRUE, NONE = sa.text("false"), sa.text("true"), sa.text("'{}'")


def _columns() -> dict[str, list[sa.Column[Any]]]:
    moment = sa.DateTime(timezone=True)
    return {
        "monitor": [
            sa.Column("old_ping_key", sa.Uuid(), nullable=True),
            sa.Column("old_key_until", moment, nullable=True),
            sa.Column("key_changed_at", moment, nullable=True),
            sa.Column("slug", sa.String(), nullable=True),
            sa.Column("stall_after", sa.Interval(), nullable=True),
            sa.Column("post_only", sa.Boolean(), server_default=FALSE, nullable=False),
            sa.Column("sticky_pause", sa.Boolean(), server_default=TRUE, nullable=False),
            sa.Column("mask_secrets", sa.Boolean(), server_default=TRUE, nullable=False),
            sa.Column(
                "allowed_networks",
                postgresql.ARRAY(sa.Text()),
                server_default=NONE,
                nullable=False,
            ),
            sa.Column("keywords", postgresql.JSONB(), nullable=True),
            sa.Column("runs", postgresql.JSONB(), nullable=True),
            sa.Column("look_at", moment, nullable=True),
            sa.Column("refused_at", moment, nullable=True),
            sa.Column("refused_address", postgresql.INET(), nullable=True),
        ],
        "workspace": [
            sa.Column("ping_key", sa.String(), nullable=True),
            sa.Column("old_ping_key", sa.String(), nullable=True),
            sa.Column("old_key_until", moment, nullable=True),
            sa.Column("key_changed_at", moment, nullable=True),
            sa.Column("create_by_ping", sa.Boolean(), server_default=TRUE, nullable=False),
        ],
        "ping": [
            sa.Column("reason", sa.String(), nullable=True),
            sa.Column("done", sa.Double(), nullable=True),
            sa.Column("total", sa.Double(), nullable=True),
            sa.Column("metrics", postgresql.JSONB(), nullable=True),
            sa.Column("body_key", sa.String(), nullable=True),
            sa.Column("body_bytes", sa.Integer(), nullable=True),
            sa.Column("masked", sa.Integer(), nullable=True),
            sa.Column("new_source", sa.Boolean(), server_default=FALSE, nullable=False),
            sa.Column("old_key", sa.Boolean(), server_default=FALSE, nullable=False),
        ],
        "tick": [sa.Column("place", sa.BigInteger(), nullable=True)],
    }


def upgrade() -> None:
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    op.execute(f"ALTER TABLE workspace ALTER COLUMN ping_key SET DEFAULT {NEW_KEY}")
    op.execute(LOOK_IN_TIME)
    op.execute(WHERE_LATE)
    op.execute("ALTER TABLE monitor SET (fillfactor = 70)")
    _promise_kinds(KINDS)
    op.execute(
        "ALTER TABLE ping ADD CONSTRAINT ck_ping_moved_body"
        " CHECK ((body_key IS NULL) = (body_bytes IS NULL)) NOT VALID"
    )
    _create_tables()


def downgrade() -> None:
    op.drop_table("discarded_body")
    op.drop_table("ping_source")
    op.drop_constraint("ck_ping_moved_body", "ping")
    op.execute("DELETE FROM ping WHERE kind = 'ignored'")
    _promise_kinds(OLD_KINDS)
    op.execute(KEEP_OLDEST_RUN)
    op.execute("ALTER TABLE monitor RESET (fillfactor)")
    op.execute("DROP TRIGGER look_in_time ON monitor")
    op.execute("DROP FUNCTION look_in_time")
    for table, columns in _columns().items():
        for column in columns:
            op.drop_column(table, column.name)


def _promise_kinds(promise: str) -> None:
    op.drop_constraint("ck_ping_kind", "ping")
    op.execute(f"ALTER TABLE ping ADD CONSTRAINT ck_ping_kind CHECK ({promise}) NOT VALID")


def _create_tables() -> None:
    op.create_table(
        "ping_source",
        sa.Column("monitor_id", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["monitor_id"],
            ["monitor.id"],
            name=op.f("fk_ping_source_monitor_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("monitor_id", "address", "agent", name=op.f("pk_ping_source")),
    )
    op.create_table(
        "discarded_body",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column(
            "discarded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_discarded_body")),
    )
