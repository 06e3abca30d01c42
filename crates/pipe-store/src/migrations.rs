//! The tables of the ledger, as scripts that lead from one format to the next.
//!
//! Does not know when they are run; `ledger.rs` does. A script that was released is never changed.

/// One script a format; a ledger of format n has had the first n.
pub(crate) const MIGRATIONS: &[&str] = &[
    "
create table recipes (
    fingerprint blob primary key,
    kind text not null,
    manifest text not null
) without rowid;
create table artifacts (
    id integer primary key,
    fingerprint blob not null references recipes,
    current integer not null,
    outputs text not null,
    lineage text not null,
    made text not null
);
create unique index current_artifact on artifacts(fingerprint) where current = 1;
create table metrics (
    artifact integer not null references artifacts,
    name text not null,
    value real,
    unit text not null,
    direction text not null,
    case_id text
);
create index metrics_of on metrics(artifact);
create table runs (
    id integer primary key,
    experiment text not null,
    file text not null,
    command text not null,
    started text not null,
    commit_id text,
    ended text,
    state text,
    cached integer, ran integer, failed integer, skipped integer,
    seconds real,
    stages text
);
create index runs_of on runs(experiment, id);
create table stages (
    experiment text not null,
    stage text not null,
    fingerprint blob not null,
    run integer not null,
    state text not null,
    reason text not null,
    primary key (experiment, stage)
) without rowid;
create table attempts (
    run integer not null,
    stage text not null,
    number integer not null,
    fingerprint blob not null,
    started text not null,
    ended text,
    outcome text,
    primary key (run, stage, number)
) without rowid;
",
    "
alter table attempts add column facts text;
create index open_runs on runs(id) where ended is null;
",
    "
create table uses (digest blob primary key, artifacts text not null);
alter table runs add column used blob;
create table pins (
    owner text not null,
    artifact integer not null,
    primary key (owner, artifact)
) without rowid;
create table in_use (
    run integer not null,
    artifact integer not null,
    primary key (run, artifact)
) without rowid;
create table collected (artifact integer primary key, at text not null);
create index made_by on artifacts(made ->> '$.run');
create index means on metrics(name, artifact, value, case_id) where case_id is null;
",
    "
create table tracks (
    id integer primary key,
    destination text not null,
    run integer not null,
    part text not null,
    token text not null,
    place text,
    uncertain integer not null default 0,
    is_open integer not null default 1,
    heard integer not null default 0,
    delivered integer not null default 0,
    refused integer not null default 0,
    results blob,
    unique (destination, run, part)
);
create table spool (
    id integer primary key autoincrement,
    track integer not null references tracks,
    message text not null,
    at text not null
);
",
    "
create table studies (
    id integer primary key,
    experiment text not null,
    part text not null,
    identity blob not null,
    definition text not null,
    created text not null,
    unique (experiment, part, identity)
);
create table trials (
    study integer not null references studies,
    number integer not null,
    point text not null,
    state text not null,
    value real,
    step integer,
    curve text not null,
    folds text not null,
    recipes text not null,
    why text,
    run integer not null,
    begun text not null,
    ended text,
    seconds real not null,
    primary key (study, number)
) without rowid;
alter table runs add column pruned integer;
",
    "
create index attempts_of on attempts(fingerprint);
",
];
