//! Objects in S3, or in what speaks its protocol.
//!
//! `s3://BUCKET/PREFIX`; credentials, region and endpoint by the usual variables (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
//! `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`). A put of S3 is whole or not at all, and read after it is done.

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use tokio::runtime::Runtime;

use super::{Backend, missing, short};
use crate::error::{Error, ErrorKind};

pub struct S3 {
    store: AmazonS3,
    prefix: String,
    /// Calls come from threads that may wait; what they wait for runs here.
    runtime: Runtime,
}

fn failed(error: &object_store::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("S3: {error}"))
}

impl S3 {
    /// Kind `Invalid`: the address names no bucket, or the variables do not fit together.
    pub fn open(address: &str) -> Result<Self, Error> {
        let rest = address.strip_prefix("s3://").unwrap_or(address);
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .build()
            .map_err(|error| Error::new(ErrorKind::Invalid, format!("{address}: {error}")))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        Ok(Self {
            store,
            prefix: prefix.trim_end_matches('/').to_owned(),
            runtime,
        })
    }

    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.prefix))
    }
}

impl Backend for S3 {
    fn put(&self, name: &str, data: Vec<u8>) -> Result<(), Error> {
        let (path, payload) = (self.path(name), PutPayload::from(data));
        self.runtime
            .block_on(self.store.put(&path, payload))
            .map(drop)
            .map_err(|error| failed(&error))
    }

    fn range(&self, name: &str, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let path = self.path(name);
        let end = offset.saturating_add(length as u64);
        match self.runtime.block_on(self.store.get_range(&path, offset..end)) {
            Ok(data) if data.len() == length => Ok(data.to_vec()),
            Ok(_) => Err(short(name)),
            Err(object_store::Error::NotFound { .. }) => Err(missing(name)),
            // A range that begins behind the end is an error of the protocol's own.
            Err(error) => match self.size(name)? {
                Some(size) if size < end => Err(short(name)),
                _ => Err(failed(&error)),
            },
        }
    }

    fn size(&self, name: &str) -> Result<Option<u64>, Error> {
        match self.runtime.block_on(self.store.head(&self.path(name))) {
            Ok(about) => Ok(Some(about.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        match self.runtime.block_on(self.store.delete(&self.path(name))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }

    fn list(&self) -> Result<Vec<String>, Error> {
        use futures_util::TryStreamExt;
        let prefix = (!self.prefix.is_empty()).then(|| Path::from(self.prefix.as_str()));
        let listed = self.store.list(prefix.as_ref()).try_collect::<Vec<_>>();
        let found = self.runtime.block_on(listed).map_err(|error| failed(&error))?;
        let mut names: Vec<String> = found
            .iter()
            .filter_map(|about| about.location.filename().map(str::to_owned))
            .collect();
        names.sort();
        Ok(names)
    }
}
