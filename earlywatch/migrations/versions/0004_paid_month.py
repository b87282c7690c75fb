"""Remember which paid months were looked at for pings, and which were given back."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "paid_month",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("to_card", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("credited_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("cents >= 0", name=op.f("ck_paid_month_cents")),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_paid_month_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "starts_at", name=op.f("pk_paid_month")),
    )
    op.create_index(
        "ix_paid_month_open",
        "paid_month",
        ["workspace_id"],
        unique=False,
        postgresql_where="cents > 0 AND credited_at IS NULL",
    )


def downgrade() -> None:
    op.drop_index(
        "ix_paid_month_open",
        table_name="paid_month",
        postgresql_where="cents > 0 AND credited_at IS NULL",
    )
    op.drop_table("paid_month")
