//! Objects in `SQLite`, with views of them as files.

mod eraser;

use crate::database::{Database, number, timestamp};
use crate::lookup::LookupFolder;
use crate::queue::SqliteQueue;
use crate::system::{HomeClock, unique_hex};
use crate::view::Views;
use jiff::Timestamp;
use leadwire_domain::key::lead_of_lookup_key;
use leadwire_domain::limits::KEY_BYTES_MAX;
use leadwire_pipeline::port::{
    Acceptance, Accepted, Bucket, Created, ETag, Fetched, ListPage, Listed, Metadata, NewObject,
    ObjectStore, PortError, Replaced, StoredObject,
};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

/// Entries of one page of a listing, as Amazon S3 has it.
const PAGE_ENTRIES: usize = 1000;

/// The buckets `Raw` and `Enriched` in `SQLite`, and `Lookup` as a folder.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    database: Database,
    views: Views,
    lookup: LookupFolder,
    queue: SqliteQueue,
    clock: HomeClock,
}

/// A write on its way to the writing thread.
struct Write {
    bucket: i64,
    key: String,
    etag: String,
    metadata: String,
    bytes: Vec<u8>,
}

impl Write {
    fn new(
        action: &'static str,
        (bucket, key): (Bucket, String),
        object: NewObject,
    ) -> Result<Self, PortError> {
        let Some(bucket) = number(bucket) else {
            let reason = "owner files are written by others";
            return Err(PortError::permanent(action, reason));
        };
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(PortError::permanent(action, "a key has 1 to 1024 bytes"));
        }
        let metadata = serde_json::to_string(&object.metadata)
            .map_err(|error| PortError::permanent(action, error))?;
        Ok(Self {
            bucket,
            key,
            etag: unique_hex(),
            metadata,
            bytes: object.bytes,
        })
    }

    fn is_there(&self, connection: &Connection) -> rusqlite::Result<bool> {
        connection
            .prepare_cached(IS_THERE)?
            .exists((self.bucket, &self.key))
    }

    /// Creates the object, and gives the number that it has; none where one is there.
    fn create(&self, connection: &Connection, now: Timestamp) -> rusqlite::Result<Option<i64>> {
        let rows = Statement::Create.run(connection, self, now)?;
        Ok((rows > 0).then(|| connection.last_insert_rowid()))
    }
}

impl SqliteStore {
    pub(crate) fn new(
        database: Database,
        views: Views,
        lookup: LookupFolder,
        queue: SqliteQueue,
        clock: HomeClock,
    ) -> Self {
        Self {
            database,
            views,
            lookup,
            queue,
            clock,
        }
    }

    /// Deletes an object and its view. For `forget` alone; a missing object is no error. Says whether there was one.
    pub async fn delete(&self, bucket: Bucket, key: &str) -> Result<bool, PortError> {
        const ACTION: &str = "delete object";
        let Some(number) = number(bucket) else {
            let reason = "owner files are written and deleted by others";
            return Err(PortError::permanent(ACTION, reason));
        };
        // The view goes first: a crash between the two leaves the object, from which the view is made again, and never a view alone.
        self.views.remove(bucket, key).await;
        let owned = key.to_owned();
        let work = move |connection: &Connection| {
            let params = named_params! {":bucket": number, ":key": owned};
            let rows = connection.prepare_cached(DELETE)?.execute(params)?;
            Ok(rows > 0)
        };
        let existed = self.database.write(ACTION, work).await?;
        // And once more, where it was being written meanwhile.
        self.views.remove(bucket, key).await;
        Ok(existed)
    }

    /// The canary's own owner file comes this way; all others are written by others.
    async fn put_owner_file(&self, key: &str, object: NewObject) -> Result<(), PortError> {
        let Some(lead_id) = lead_of_lookup_key(key) else {
            let reason = "an owner file is named by its lead";
            return Err(PortError::permanent("put object", reason));
        };
        self.lookup.put(&lead_id, object.bytes).await
    }

    /// One write; the new version where it changed something. The view follows.
    async fn write(
        &self,
        statement: Statement,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> Result<Option<ETag>, PortError> {
        let action = statement.action();
        let write = Write::new(action, (bucket, key.to_owned()), object)?;
        let (views, clock, key) = (self.views.clone(), self.clock.clone(), write.key.clone());
        let after = move |written: &Option<(ETag, Option<i64>)>| match written {
            Some((_, Some(row))) => views.created(bucket, &key, *row),
            Some((_, None)) => views.written(bucket, &key),
            None => {}
        };
        let work = move |connection: &Connection| {
            let now = clock.now();
            let changed = match &statement {
                Statement::Create => write.create(connection, now)?.map(Some),
                Statement::Replace(_) | Statement::Put => {
                    (statement.run(connection, &write, now)? > 0).then_some(None)
                }
            };
            Ok(changed.map(|row| (ETag(write.etag.clone()), row)))
        };
        let written = self.database.write_then(action, work, after).await?;
        Ok(written.map(|(etag, _)| etag))
    }
}

/// How an object is written.
enum Statement {
    Create,
    Replace(ETag),
    Put,
}

impl Statement {
    fn action(&self) -> &'static str {
        match self {
            Self::Create => "create object",
            Self::Replace(_) => "replace object",
            Self::Put => "put object",
        }
    }

    /// How many rows it changed.
    fn run(
        &self,
        connection: &Connection,
        write: &Write,
        now: Timestamp,
    ) -> rusqlite::Result<usize> {
        let size = i64::try_from(write.bytes.len()).unwrap_or(i64::MAX);
        let object = named_params! {
            ":bucket": write.bucket, ":key": write.key, ":etag": write.etag, ":now": now.as_microsecond(),
            ":metadata": write.metadata, ":size": size, ":bytes": write.bytes,
        };
        match self {
            Self::Create => connection.prepare_cached(CREATE)?.execute(object),
            Self::Put => connection.prepare_cached(PUT)?.execute(object),
            Self::Replace(ETag(over)) => {
                let over = named_params! {":over": over};
                let params = [object, over].concat();
                connection.prepare_cached(REPLACE)?.execute(&*params)
            }
        }
    }
}

const CREATE: &str = "INSERT INTO objects (bucket, key, etag, last_modified, metadata, size, bytes)
    VALUES (:bucket, :key, :etag, :now, :metadata, :size, :bytes) ON CONFLICT (bucket, key) DO NOTHING";
const PUT: &str = "INSERT INTO objects (bucket, key, etag, last_modified, metadata, size, bytes)
    VALUES (:bucket, :key, :etag, :now, :metadata, :size, :bytes) ON CONFLICT (bucket, key) DO UPDATE
    SET etag = :etag, last_modified = :now, metadata = :metadata, size = :size, bytes = :bytes";
const REPLACE: &str = "UPDATE objects SET etag = :etag, last_modified = :now, metadata = :metadata, size = :size, bytes = :bytes
    WHERE bucket = :bucket AND key = :key AND etag = :over";
const IS_THERE: &str = "SELECT 1 FROM objects WHERE bucket = ?1 AND key = ?2";
const DELETE: &str = "DELETE FROM objects WHERE bucket = :bucket AND key = :key";
const GET: &str =
    "SELECT etag, last_modified, metadata, size, CASE WHEN size <= :max THEN bytes END
    FROM objects WHERE bucket = :bucket AND key = :key";
// The end of a prefix: no key holds the last code point. One bound from below, or the index is read from the lower of the two.
const LIST: &str = "SELECT key, size, last_modified FROM objects
    WHERE bucket = :bucket AND key >= max(:after, :prefix) AND +key > :after AND key < :prefix || char(0x10ffff) ORDER BY key LIMIT :limit";

// By the order in which they were created, whatever else was meanwhile.
const NEWEST: &str = "SELECT key, size, last_modified FROM objects NOT INDEXED
    WHERE bucket = :bucket AND key >= :prefix AND key < :prefix || char(0x10ffff) AND size > 0
    ORDER BY rowid DESC LIMIT :limit";

impl ObjectStore for SqliteStore {
    async fn get(&self, bucket: Bucket, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
        let Some(number) = number(bucket) else {
            return self.lookup.get(key, bytes_max).await;
        };
        let (key, max) = (key.to_owned(), i64::try_from(bytes_max).unwrap_or(i64::MAX));
        let work = move |connection: &Connection| {
            let mut get = connection.prepare_cached(GET)?;
            let params = named_params! {":bucket": number, ":key": key, ":max": max};
            let found = get.query_row(params, stored_object).optional()?;
            Ok(found.unwrap_or(Fetched::Missing))
        };
        self.database.read("get object", work).await
    }

    async fn create(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> Result<Created, PortError> {
        let etag = self.write(Statement::Create, bucket, key, object).await?;
        Ok(etag.map_or(Created::Exists, Created::New))
    }

    async fn replace(
        &self,
        bucket: Bucket,
        key: &str,
        etag: &ETag,
        object: NewObject,
    ) -> Result<Replaced, PortError> {
        let statement = Statement::Replace(etag.clone());
        let etag = self.write(statement, bucket, key, object).await?;
        Ok(etag.map_or(Replaced::Changed, Replaced::New))
    }

    async fn put(&self, bucket: Bucket, key: &str, object: NewObject) -> Result<(), PortError> {
        if bucket == Bucket::Lookup {
            return self.put_owner_file(key, object).await;
        }
        let written = self.write(Statement::Put, bucket, key, object).await;
        written.map(drop)
    }

    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<ListPage, PortError> {
        let Some(number) = number(bucket) else {
            return self.lookup.list(prefix, after, PAGE_ENTRIES).await;
        };
        let (prefix, after) = (prefix.to_owned(), after.unwrap_or_default().to_owned());
        let work = move |connection: &Connection| {
            let mut list = connection.prepare_cached(LIST)?;
            let limit = i64::try_from(PAGE_ENTRIES + 1).unwrap_or(i64::MAX);
            let params = named_params! {":bucket": number, ":after": after, ":prefix": prefix, ":limit": limit};
            list.query_map(params, listed)?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut entries = self.database.read("list objects", work).await?;
        let more = entries.len() > PAGE_ENTRIES;
        entries.truncate(PAGE_ENTRIES);
        Ok(ListPage { entries, more })
    }

    fn accepts(&self) -> bool {
        true
    }

    /// Nothing is written where any of it is there.
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, PortError> {
        const ACTION: &str = "accept";
        let Acceptance { objects, message } = acceptance;
        SqliteQueue::check(&message)?;
        let mut writes = Vec::with_capacity(objects.len());
        for (bucket, key, object) in objects {
            writes.push((bucket, Write::new(ACTION, (bucket, key), object)?));
        }
        let (clock, views, queue) = (self.clock.clone(), self.views.clone(), self.queue.clone());
        let must_ring = SqliteQueue::must_ring(&message);
        let work = move |connection: &Connection| {
            let now = clock.now();
            let mut created = Vec::with_capacity(writes.len());
            // Of the others it is known before the first is written.
            for (_, write) in writes.iter().skip(1) {
                if write.is_there(connection)? {
                    return Ok(None);
                }
            }
            for (bucket, write) in &writes {
                let Some(row) = write.create(connection, now)? else {
                    return Ok(None);
                };
                created.push((*bucket, write.key.clone(), row));
            }
            SqliteQueue::insert(connection, &message, now)?;
            Ok(Some(created))
        };
        let after = move |created: &Option<Vec<(Bucket, String, i64)>>| {
            let Some(created) = created else { return };
            for (bucket, key, row) in created {
                views.created(*bucket, key, *row);
            }
            if must_ring {
                queue.ring();
            }
        };
        let accepted = self.database.write_then(ACTION, work, after).await?;
        Ok(accepted.map_or(Accepted::Exists, |_created| Accepted::New))
    }

    async fn newest(
        &self,
        bucket: Bucket,
        prefix: &str,
        limit: usize,
    ) -> Result<Option<Vec<Listed>>, PortError> {
        let Some(number) = number(bucket) else {
            return Ok(None);
        };
        let (prefix, limit) = (prefix.to_owned(), i64::try_from(limit).unwrap_or(i64::MAX));
        let work = move |connection: &Connection| {
            let mut newest = connection.prepare_cached(NEWEST)?;
            let params = named_params! {":bucket": number, ":prefix": prefix, ":limit": limit};
            newest.query_map(params, listed)?.collect()
        };
        self.database.read("list the newest", work).await.map(Some)
    }
}

fn stored_object(row: &Row<'_>) -> rusqlite::Result<Fetched> {
    let Some(bytes) = row.get::<_, Option<Vec<u8>>>(4)? else {
        return Ok(Fetched::TooLarge);
    };
    let metadata: String = row.get(2)?;
    let metadata: Metadata = serde_json::from_str(&metadata).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Fetched::Found(StoredObject {
        bytes,
        etag: ETag(row.get(0)?),
        metadata,
        last_modified: timestamp(row.get(1)?),
    }))
}

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    let size: i64 = row.get(1)?;
    Ok(Listed {
        key: row.get(0)?,
        size: u64::try_from(size).unwrap_or(0),
        last_modified: timestamp(row.get(2)?),
    })
}

#[cfg(test)]
mod tests;
