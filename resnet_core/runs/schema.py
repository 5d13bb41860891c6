"""The tables of the database, their version, and what makes a new version of an old one."""

from __future__ import annotations

from .ends import MODEL_ENDS
from .run import ACTIVE, STATES

FILE = "runs.sqlite"
#: raised when a table changes its meaning
VERSION = 2

TABLES = f"""
create table run(
  id integer primary key autoincrement,  -- a link to a deleted run must not show another one
  request_id text not null unique,       -- a double click or a rerun is the same run
  config text not null,                  -- as submitted
  resolved text,                         -- JSON: config, threads, torch, device
  state text not null default 'queued'
    check(state in {STATES}),
  want text not null default 'run' check(want in ('run', 'pause', 'stop')),
  device text not null default 'cpu',    -- where it is to train: "cpu", "cuda:0", "mps"
  slot text,                             -- of that device, since it was claimed: "cpu:1"
  turn integer not null default 0,       -- counts the claims: who was served least recently
  owner text not null default '',        -- User.id
  series text, series_kind text, series_title text,
  series_index integer, series_size integer, series_label text,
  expected_s real,                       -- of training, estimated when it was submitted
  lr_wish real,                          -- the learning rate that was asked for last
  attempt integer not null default 0,    -- fences writers that were given up
  worker text,                           -- pid:start:boot of the owner
  beat integer not null default 0,       -- counts the owner's writes
  total integer,
  ended text, reason text, sentence text not null default '',
  proof text not null default '{{}}',
  bytes integer not null default 0,      -- of its points
  queued_at real not null, queued_clock real not null,
  started_at real, first_at real, first_s real, ended_at real, elapsed_s real not null default 0);
-- two active runs on a slot are impossible, not only unlikely
create unique index run_slot on run(slot) where state in {ACTIVE};
create index run_state on run(state, id);
create index run_owner on run(owner, turn);
create index run_series on run(series, series_index);
create table model(
  run_id integer not null references run on delete cascade, model integer not null,
  steps integer not null default 0, how text check(how in {MODEL_ENDS}), end_step integer,
  path text, what text, cause text, accuracy real,
  primary key(run_id, model)) without rowid;
create table channel(
  run_id integer not null references run on delete cascade, model integer not null,
  id integer not null, name text not null, kind text not null check(kind in ('scalars', 'per_op')),
  labels text not null, primary key(run_id, model, id)) without rowid;
-- v: float32, little endian, one number per label of the channel
create table point(
  run_id integer not null references run on delete cascade, model integer not null,
  channel integer not null, step integer not null, v blob not null,
  primary key(run_id, model, channel, step)) without rowid;
create table speed(device text primary key, op_overhead_s real not null, macs_per_s real not null);
"""


#: version -> what makes the next one of it, statement by statement
MIGRATIONS = {
    1: (
        "drop index run_slot",
        "alter table run rename column slot to device",  # it was 'cpu' whatever the device
        "update run set device = coalesce(case when json_valid(config) "
        "then json_extract(config, '$.device') end, 'cpu')",
        "update run set device = 'cuda:0' where device = 'cuda'",
        "alter table run add column slot text",
        f"update run set slot = iif(device = 'cpu', 'cpu:0', device) where state in {ACTIVE}",
        "alter table run add column turn integer not null default 0",
        "update run set turn = id where attempt > 0",
        "alter table run add column owner text not null default ''",
        *(
            f"alter table run add column {column}"
            for column in (
                "series text",
                "series_kind text",
                "series_title text",
                "series_index integer",
                "series_size integer",
                "series_label text",
                "expected_s real",
                "lr_wish real",
            )
        ),
        "alter table model add column cause text",
        f"create unique index run_slot on run(slot) where state in {ACTIVE}",
        "create index run_owner on run(owner, turn)",
        "create index run_series on run(series, series_index)",
    ),
}
