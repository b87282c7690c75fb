"""Adding, changing and deleting channels."""

from flask import Blueprint, flash, g, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue

from earlywatch.channels.registry import InvalidChannel, Kind, kind
from earlywatch.db import db, release, transaction
from earlywatch.errors import NotFound
from earlywatch.models import Channel
from earlywatch.services import channel_lists, channel_uses, channels, groups, monitor_lists
from earlywatch.services.channels import ChannelValues
from earlywatch.services.limits import LimitReached
from earlywatch.services.wiring import wiring
from earlywatch.web.account_forms import refuse
from earlywatch.web.channel_forms import ChannelForm, form_for
from earlywatch.web.channels import SHOWN_ONCE
from earlywatch.web.forms import Form
from earlywatch.web.guards import member_only
from earlywatch.web.limits import new_targets
from earlywatch.web.paths import ID, bill_path
from earlywatch.web.roles import editor
from earlywatch.web.selling import limit_words

bp = Blueprint("channel_edits", __name__, url_prefix="/channels")


@bp.route("/new/<kind_name>", methods=["GET", "POST"])
@member_only
@editor
@new_targets
def new(kind_name: str) -> ResponseReturnValue:
    """Add a channel; its recipient is asked to confirm, where the kind asks for it."""
    chosen = kind(kind_name)
    if not chosen.available(wiring().doors):
        raise NotFound(f"{chosen.label} is not set up on this installation.")
    form = _form(chosen, None)
    values = _read(form)
    if values is None:
        return _page(form, chosen, None)
    try:
        with transaction() as work:
            channel = channels.create_channel(
                work, g.workspace, kind_name, values, g.now, everywhere=form.everywhere.data
            )
    except InvalidChannel as error:
        refuse(form[error.field], error)
        return _page(form, chosen, None)
    except LimitReached as error:
        form.form_errors.append(limit_words(error))
        return _page(form, chosen, None, bill_path())
    _show_once(channel.id, form.made_secrets(values))
    return redirect(url_for("channels.show", channel_id=channel.id), 303)


@bp.route(f"/<{ID}:channel_id>/edit", methods=["GET", "POST"])
@member_only
@editor
@new_targets
def edit(channel_id: int) -> ResponseReturnValue:
    """Change a channel; a new target must be confirmed anew."""
    channel = channels.find_channel(db.session(), g.workspace, channel_id)
    form = _form(kind(channel.kind), channel)
    values = _read(form)
    if values is None:
        return _page(form, kind(channel.kind), channel)
    try:
        with transaction() as work:
            moved = channels.edit_channel(work, g.workspace, channel_id, values, g.now)
    except InvalidChannel as error:
        refuse(form[error.field], error)
        return _page(form, kind(channel.kind), channel)
    except channels.TooSoon as error:
        form.form_errors.append(str(error))
        return _page(form, kind(channel.kind), channel)
    _show_once(channel_id, form.made_secrets(values))
    flash("Saved. It must be confirmed anew." if moved else "Saved.", "ok")
    return redirect(url_for("channels.show", channel_id=channel_id), 303)


@bp.route(f"/<{ID}:channel_id>/delete", methods=["GET", "POST"])
@member_only
@editor
def delete(channel_id: int) -> ResponseReturnValue:
    """Say which monitors would tell nobody; delete when confirmed."""
    form = Form()
    if not form.validate_on_submit():
        return _delete_page(form, channel_id)
    with transaction() as work:
        name = channels.delete_channel(work, g.workspace, channel_id, g.now)
    flash(f"{name} is deleted. Nothing more is sent to it.", "ok")
    return redirect(url_for("channels.index"), 303)


def _form(chosen: Kind, channel: Channel | None) -> ChannelForm:
    asks = any(field.type == "channels" for field in chosen.fields)
    others = groups.list_possible(db.session(), g.workspace) if asks else []
    return form_for(chosen, channel, others)


def _read(form: ChannelForm) -> ChannelValues | None:
    release()  # a user's host may be looked up, and that can take long
    return form.read(wiring().doors)


def _show_once(channel_id: int, secrets: dict[str, str]) -> None:
    """Let the next page of the channel show what we made for it, and no page after that."""
    if secrets:
        session[SHOWN_ONCE] = {"channel_id": channel_id, "secrets": secrets}


def _delete_page(form: Form, channel_id: int) -> str:
    looking = db.session()
    channel = channels.find_channel(looking, g.workspace, channel_id)
    return render_template(
        "channels/delete.html",
        form=form,
        channel=channel,
        users=channel_lists.users_of(looking, channel),
        alone=channel_lists.users_of(looking, channel, alone=True),
        policies=channel_uses.policies_of(looking, channel),
    )


def _page(form: ChannelForm, chosen: Kind, channel: Channel | None, billing: str = "") -> str:
    counts = monitor_lists.count_monitors(db.session(), g.workspace, g.now)
    return render_template(
        "channels/form.html",
        form=form,
        kind=chosen,
        doors=wiring().doors,
        channel=channel,
        monitors=counts.of(),
        billing=billing,
    )
