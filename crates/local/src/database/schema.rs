//! The tables, versioned. A migration is only ever added.

use crate::error::OpenError;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::path::Path;

/// Distinguishes our databases from those of other programs (`PRAGMA application_id`): `LDWR`.
const APPLICATION_ID: i32 = 0x4c44_5752;

/// What brings a database from each version to the next.
const MIGRATIONS: [&str; 5] = [
    include_str!("v1.sql"),
    include_str!("v2.sql"),
    include_str!("v3.sql"),
    include_str!("v4.sql"),
    include_str!("v5.sql"),
];

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

/// Why the database at `path` cannot be opened.
pub(crate) fn refused(path: &Path) -> impl Fn(rusqlite::Error) -> OpenError {
    move |source| {
        if source.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
            OpenError::NotOurs {
                path: path.to_owned(),
            }
        } else {
            OpenError::Database {
                action: "open the database",
                source,
            }
        }
    }
}

/// Brings the database at `path` up to date, in one transaction. Where another process may be using an older one, `may_migrate` says no.
pub(crate) fn bring_up_to_date(
    connection: &mut Connection,
    path: &Path,
    may_migrate: impl FnOnce() -> bool,
) -> rusqlite::Result<Result<Migrated, OpenError>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let application: i32 =
        transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = u32::try_from(MIGRATIONS.len()).expect("a handful of migrations");
    let is_empty = application == 0 && found == 0 && is_without_tables(&transaction)?;
    if !is_empty && application != APPLICATION_ID {
        let path = path.to_owned();
        return Ok(Err(OpenError::NotOurs { path }));
    }
    if found > known {
        return Ok(Err(OpenError::SchemaTooNew { found, known }));
    }
    if found == known {
        return Ok(Ok(Migrated::UpToDate));
    }
    if !is_empty && !may_migrate() {
        return Ok(Err(OpenError::SchemaInUse { found }));
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
    Ok(Ok(if is_empty {
        Migrated::Created
    } else {
        Migrated::From(found)
    }))
}

/// Whether nothing has been made in a database.
pub(crate) fn is_without_tables(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| {
        row.get(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: i64 = 1_795_417_850_123_456;
    const BODY: &str = r#"{"v":1,"s3_key":"raw/crm_event_a_20261123T065000123456Z.json"}"#;

    /// A database of a version, in which a message waits that was received twice.
    fn older(version: usize) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        for migration in MIGRATIONS.iter().take(version) {
            connection.execute_batch(migration).unwrap();
        }
        let id = if version < 4 { "message_id" } else { "number" };
        let insert = format!(
            "INSERT INTO messages ({id}, body, sent_at, due_at, receive_count, receipt) VALUES (7, ?1, ?2, ?2, 2, 'r')"
        );
        connection.execute(&insert, (BODY, SENT)).unwrap();
        connection
            .pragma_update(None, "application_id", APPLICATION_ID)
            .unwrap();
        connection
            .pragma_update(None, "user_version", u32::try_from(version).unwrap())
            .unwrap();
        connection
    }

    #[test]
    fn a_message_that_waits_in_an_older_database_waits_in_the_new_one() {
        for version in 1..MIGRATIONS.len() {
            let mut connection = older(version);
            let done = bring_up_to_date(&mut connection, Path::new("x"), || true);
            let from = u32::try_from(version).unwrap();
            assert!(matches!(done, Ok(Ok(Migrated::From(found))) if found == from));
            let message = connection.query_row(
                "SELECT body, sent_at, receive_count, receipt FROM messages",
                [],
                |row| {
                    Ok((
                        row.get::<_, String>(0)?,
                        row.get::<_, i64>(1)?,
                        row.get::<_, u32>(2)?,
                        row.get::<_, String>(3)?,
                    ))
                },
            );
            let wanted = (BODY.to_owned(), SENT, 2, "r".to_owned());
            assert_eq!(message.unwrap(), wanted, "from version {version}");
        }
    }
}
