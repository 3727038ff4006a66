//! The tables, versioned. A migration is only ever added.

use rusqlite::{Connection, TransactionBehavior};

/// Distinguishes our databases from those of other programs (`PRAGMA application_id`): `LDWR`.
const APPLICATION_ID: i32 = 0x4c44_5752;

/// What brings a database from each version to the next.
const MIGRATIONS: [&str; 1] = [include_str!("v1.sql")];

/// A database that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Migrated {
    /// It was empty, and has its tables now.
    Created,
    /// It was older, of this version.
    From(u32),
    /// It was up to date.
    UpToDate,
}

/// A database that cannot be brought up to date.
#[derive(Debug)]
pub(crate) enum SchemaError {
    TooNew { found: u32, known: u32 },
    InUse { found: u32 },
    NotOurs,
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for SchemaError {
    fn from(error: rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
            Self::NotOurs
        } else {
            Self::Database(error)
        }
    }
}

/// The newest version that this code knows.
pub(crate) fn version_known() -> u32 {
    u32::try_from(MIGRATIONS.len()).expect("a handful of migrations")
}

/// Brings a database up to date, in one transaction. Where another process may be using an older one, `may_migrate` says no.
pub(crate) fn bring_up_to_date(
    connection: &mut Connection,
    may_migrate: impl FnOnce() -> bool,
) -> Result<Migrated, SchemaError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let application: i32 =
        transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: u32 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let known = version_known();
    let is_empty = application == 0 && found == 0 && tables == 0;
    if !is_empty && application != APPLICATION_ID {
        return Err(SchemaError::NotOurs);
    }
    if found > known {
        return Err(SchemaError::TooNew { found, known });
    }
    if found == known {
        return Ok(Migrated::UpToDate);
    }
    if !is_empty && !may_migrate() {
        return Err(SchemaError::InUse { found });
    }
    for migration in MIGRATIONS
        .iter()
        .skip(usize::try_from(found).unwrap_or(usize::MAX))
    {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(if is_empty {
        Migrated::Created
    } else {
        Migrated::From(found)
    })
}
