"""Prove the promises of 0002, find frozen monitors fast, and count SMS by month.

In a transaction of its own: proving reads each table while reads and writes go on, which it could
not in one that has altered it. The index comes last. It is empty, yet making it reads all monitors
while none is written. With 300,000 of them no ping waited longer than 0.12 s during 0002 to 0004,
on two busy cores. Making the index concurrently would wait for ever for another process that
waits for its turn to migrate.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PROMISES = ("monitor_status", "workspace_plan", "workspace_gift_plan")


def upgrade() -> None:
    for name in PROMISES:
        table = name.partition("_")[0]
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT ck_{name}")
    op.create_table(
        "sms_use",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_sms_use_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "month", name=op.f("pk_sms_use")),
    )
    op.create_index(
        "ix_monitor_frozen",
        "monitor",
        ["workspace_id"],
        unique=False,
        postgresql_where="status = 'frozen'",
    )


def downgrade() -> None:
    op.drop_table("sms_use")
    op.drop_index("ix_monitor_frozen", table_name="monitor")
