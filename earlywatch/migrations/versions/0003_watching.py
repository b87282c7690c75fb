"""Remember since when a monitor is frozen, find the frozen ones fast, and count SMS by month.

The index is empty, so it takes one look at a small table. Making it concurrently would wait for
ever for another process that waits for its turn to migrate.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_monitor_frozen",
        "monitor",
        ["workspace_id"],
        unique=False,
        postgresql_where="status = 'frozen'",
    )
    op.add_column("monitor", sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True))
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


def downgrade() -> None:
    op.drop_table("sms_use")
    op.drop_column("monitor", "frozen_at")
    op.drop_index("ix_monitor_frozen", table_name="monitor")
