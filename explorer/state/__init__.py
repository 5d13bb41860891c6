"""The only owner of session-state keys and of the URL. Everything else asks here: `state.name`.

shown.py has the experiment on screen, url.py the address that says the same, session.py how they
change and the undo of that; editing.py changes the net, looking.py the view of it, training.py how
it is run and which run is watched.
"""

# ruff: noqa: F403 (every public name of these files is meant)
from explorer.state.editing import *
from explorer.state.looking import *
from explorer.state.session import *
from explorer.state.shown import *
from explorer.state.training import *
from explorer.state.url import *
