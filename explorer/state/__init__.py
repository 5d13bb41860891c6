"""The only owner of session-state keys and of the URL. Everything else asks here: `state.name`.

session.py has the experiment, its undo and the URL; editing.py changes the net, looking.py the
view of it, training.py how it is run and which run is watched.
"""

# ruff: noqa: F403 (every public name of these files is meant)
from explorer.state.editing import *
from explorer.state.looking import *
from explorer.state.session import *
from explorer.state.training import *
