"""Pages of the app under Streamlit's own test driver: opened, edited, and read."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

APP = str(Path(__file__).resolve().parents[1] / "explorer" / "frame.py")


def opened(**query) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def shown(element) -> str:
    """Its text as a reader sees it: without the escapes that keep markdown out."""
    return element.value.replace("\\", "").replace("&amp;", "&")


def texts(app: AppTest) -> str:
    """Everything that the page says."""
    kinds = (app.markdown, app.caption, app.error, app.info, app.warning)
    return "\n".join(shown(element) for kind in kinds for element in kind) + html(app)


def html(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def edited(app: AppTest, where: str, value: str, action: str = "set") -> AppTest:
    """The page after an edit in the form: the component's event, taken by the real callback."""
    event = {"action": action, "where": where, "value": value}
    return after(app, f"state.apply_edit({event!r})")


def with_preset(app: AppTest, key: str) -> AppTest:
    """The page after a choice in the menu of presets."""
    return after(app, f"state.show_preset({key!r})")


def after(app: AppTest, callback: str) -> AppTest:
    """The page after a component's callback, which this driver cannot press."""
    script = f"from explorer import state; state.begin(); {callback}"
    change = with_state_of(app, AppTest.from_string(script, default_timeout=60))
    return with_state_of(change, AppTest.from_file(APP, default_timeout=60))


def with_state_of(before: AppTest, after: AppTest) -> AppTest:
    """`after` has run with the session and the URL that `before` ended with."""
    for name in KEPT:
        after.session_state[name] = before.session_state[name]
    after.query_params.update(before.query_params)
    after.run()
    assert not after.exception
    return after


#: what explorer.state keeps of its own
KEPT = (
    "experiment",
    "draft",
    "draft_net",
    "problem",
    "refused",
    "undo",
    "redo",
    "look",
    "looked",
    "stamp",
    "step",
    "selected",
)
KEPT += ("request_id", "seen", "run", "run_missing", "device", "file_error", "checkpoint")
KEPT += ("is_lecturer", "was_refused", "session_id", "tick", "named", "probe")
