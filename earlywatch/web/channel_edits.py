"""Adding, changing and deleting channels."""

from flask import Blueprint, Response, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm

from earlywatch.channels.registry import Kind, kind
from earlywatch.db import db, transaction
from earlywatch.errors import NotFound
from earlywatch.models import Channel
from earlywatch.services import channel_lists, channels, monitor_lists
from earlywatch.services.wiring import wiring
from earlywatch.web.channel_forms import ChannelForm, form_for
from earlywatch.web.guards import member_only
from earlywatch.web.limits import limiter
from earlywatch.web.paths import ID
from earlywatch.web.roles import editor

# Each new target gets a message it did not ask for.
NEW_TARGETS = "20/hour; 60/day"

bp = Blueprint("channel_edits", __name__, url_prefix="/channels")


def _person() -> str:
    return f"person-{current_user.get_id()}"


def _was_saved(response: Response) -> bool:
    return response.status_code == 303


new_targets = limiter.shared_limit(
    NEW_TARGETS, "channel-targets", key_func=_person, methods=["POST"], deduct_when=_was_saved
)


@bp.route("/new/<kind_name>", methods=["GET", "POST"])
@new_targets
@member_only
@editor
def new(kind_name: str) -> ResponseReturnValue:
    """Add a channel; its recipient is asked to confirm."""
    chosen, doors = kind(kind_name), wiring().doors
    if not chosen.available(doors):
        raise NotFound(f"{chosen.label} is not set up on this installation.")
    form = form_for(chosen)
    values = form.read(doors)
    if values is None:
        return _page(form, chosen, None)
    with transaction() as session:
        channel = channels.create_channel(
            session, g.workspace, kind_name, values, g.now, everywhere=form.everywhere.data
        )
    return redirect(url_for("channels.show", channel_id=channel.id), 303)


@bp.route(f"/<{ID}:channel_id>/edit", methods=["GET", "POST"])
@new_targets
@member_only
@editor
def edit(channel_id: int) -> ResponseReturnValue:
    """Change a channel; a new target must be confirmed anew."""
    channel = channels.find_channel(db.session(), g.workspace, channel_id)
    form = form_for(kind(channel.kind), channel)
    values = form.read(wiring().doors)
    if values is None:
        return _page(form, kind(channel.kind), channel)
    with transaction() as session:
        moved = channels.edit_channel(session, g.workspace, channel_id, values, g.now)
    flash("Saved. The new target must be confirmed." if moved else "Saved.", "ok")
    return redirect(url_for("channels.show", channel_id=channel_id), 303)


@bp.route(f"/<{ID}:channel_id>/delete", methods=["GET", "POST"])
@member_only
@editor
def delete(channel_id: int) -> ResponseReturnValue:
    """Say which monitors would tell nobody; delete when confirmed."""
    form = FlaskForm()
    if not form.validate_on_submit():
        return _delete_page(form, channel_id)
    with transaction() as session:
        name = channels.delete_channel(session, g.workspace, channel_id)
    flash(f"{name} is deleted. Nothing more is sent to it.", "ok")
    return redirect(url_for("channels.index"), 303)


def _delete_page(form: FlaskForm, channel_id: int) -> str:
    session = db.session()
    channel = channels.find_channel(session, g.workspace, channel_id)
    return render_template(
        "channels/delete.html",
        form=form,
        channel=channel,
        users=channel_lists.users_of(session, channel),
        alone=channel_lists.users_of(session, channel, alone=True),
    )


def _page(form: ChannelForm, chosen: Kind, channel: Channel | None) -> str:
    counts = monitor_lists.count_monitors(db.session(), g.workspace, g.now)
    return render_template(
        "channels/form.html", form=form, kind=chosen, channel=channel, monitors=counts.of()
    )
