//! The object store: put, get, look, delete, list, presign.

use std::{collections::HashMap, path::Path, time::Duration};

use aws_sdk_s3::{
    Client,
    config::{
        self, BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation, SharedHttpClient,
        retry::RetryConfig, timeout::TimeoutConfig,
    },
    presigning::PresigningConfig,
    primitives::ByteStream,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use data_encoding::BASE64;
use sha2::{Digest, Sha256};
use tokio::{fs::File, io::AsyncReadExt};

use super::{
    StorageError, StorageErrorKind,
    room::Room,
    saving::{Saved, Saving},
};

/// The name of the metadata that say whose an object is.
const OWNER: &str = "reelgraph-job";

/// How to reach a store.
#[derive(Debug, Clone)]
pub enum Connection {
    /// An address and keys: the embedded store.
    Direct { endpoint: String, access_key: String, secret_key: String },
    /// AWS's own chain of settings for keys.
    Environment { endpoint: Option<String>, region: String },
}

/// One bucket of a store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    client: Client,
    bucket: String,
}

/// What was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub size: i64,
    pub etag: Option<String>,
    /// Hexadecimal.
    pub sha256: String,
}

/// An address that a client may send a file to, and the headers that it must send with it.
#[derive(Debug, Clone)]
pub struct PresignedUpload {
    pub url: String,
    pub method: String,
    pub headers: Vec<(String, String)>,
}

fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

impl ObjectStore {
    pub async fn connect(connection: Connection, bucket: &str) -> Self {
        let base = match connection {
            Connection::Direct { endpoint, access_key, secret_key } => config::Builder::new()
                .behavior_version(BehaviorVersion::latest())
                .http_client(http_client())
                .endpoint_url(endpoint)
                .region(Region::new("us-east-1"))
                .credentials_provider(Credentials::new(access_key, secret_key, None, None, "reelgraph")),
            Connection::Environment { endpoint, region } => {
                let shared = aws_config::defaults(BehaviorVersion::latest())
                    .http_client(http_client())
                    .region(Region::new(region))
                    .load()
                    .await;
                let builder = config::Builder::from(&shared);
                match endpoint {
                    Some(endpoint) => builder.endpoint_url(endpoint),
                    None => builder,
                }
            }
        };
        let timeouts =
            TimeoutConfig::builder().connect_timeout(Duration::from_secs(3)).read_timeout(Duration::from_secs(60)).build();
        let config = base
            .force_path_style(true)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            // Checksums are ours, SHA-256; the default's trailers leave `aws-chunked` on objects of some stores.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Self { client: Client::from_conf(config), bucket: bucket.to_owned() }
    }

    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Another bucket of the same store.
    pub fn in_bucket(&self, bucket: &str) -> Self {
        Self { client: self.client.clone(), bucket: bucket.to_owned() }
    }

    /// Makes the bucket, unless it is there.
    pub async fn ensure_bucket(&self) -> Result<(), StorageError> {
        if self.check().await.is_ok() {
            return Ok(());
        }
        match self.client.create_bucket().bucket(&self.bucket).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_bucket_already_owned_by_you()) => Ok(()),
            Err(error) => Err(StorageError::of_call(error)),
        }
    }

    /// Whether the bucket answers.
    pub async fn check(&self) -> Result<(), StorageError> {
        self.client.head_bucket().bucket(&self.bucket).send().await.map(drop).map_err(StorageError::of_call)
    }

    /// Stores a file, with its SHA-256 for the store to verify, and whose it is.
    pub async fn put_file(
        &self,
        key: &str,
        path: &Path,
        content_type: &str,
        owner: Option<&str>,
    ) -> Result<Stored, StorageError> {
        let (size, digest) = digest_of(path).await.map_err(StorageError::of_file)?;
        let body = ByteStream::from_path(path)
            .await
            .map_err(|error| StorageError::new(StorageErrorKind::Unavailable, error.to_string()))?;
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .content_length(size)
            .set_metadata(owner.map(|owner| HashMap::from([(OWNER.to_owned(), owner.to_owned())])))
            .checksum_sha256(BASE64.encode(&digest))
            .body(body)
            .customize()
            .config_override(config::Builder::new().timeout_config(upload_timeouts(size)))
            .send()
            .await
            .map_err(StorageError::of_call)?;
        Ok(Stored { size, etag: put.e_tag().map(|tag| tag.trim_matches('"').to_owned()), sha256: hex::encode(digest) })
    }

    /// Writes an object into a new file, as far as there is room.
    pub async fn get_to_file(&self, key: &str, path: &Path, room: &Room) -> Result<Saved, StorageError> {
        let mut object = self.client.get_object().bucket(&self.bucket).key(key).send().await.map_err(StorageError::of_call)?;
        let mut saving = Saving::begin(path, object.content_length.unwrap_or(0) as u64, room).await?;
        while let Some(chunk) = object.body.next().await {
            let chunk = chunk.map_err(|error| StorageError::new(StorageErrorKind::Unavailable, error.to_string()))?;
            saving.write(&chunk).await?;
        }
        Ok(saving.end().await?)
    }

    /// How many bytes an object has; `None` where there is none.
    pub async fn size_of(&self, key: &str) -> Result<Option<i64>, StorageError> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await.map_err(StorageError::of_call) {
            Ok(head) => Ok(Some(head.content_length.unwrap_or(0))),
            Err(error) if error.kind == StorageErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether an object is there that was stored as this owner's, and by nobody since.
    pub async fn belongs_to(&self, key: &str, owner: &str) -> Result<bool, StorageError> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await.map_err(StorageError::of_call) {
            Ok(head) => Ok(head.metadata().and_then(|metadata| metadata.get(OWNER)).is_some_and(|found| found == owner)),
            Err(error) if error.kind == StorageErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// An object's entity tag and when it was written last; `None` where there is none.
    pub async fn version_of(&self, key: &str) -> Result<Option<String>, StorageError> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await.map_err(StorageError::of_call) {
            Ok(head) => Ok(Some(format!("{:?} {:?}", head.e_tag, head.last_modified))),
            Err(error) if error.kind == StorageErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes an object; one that is not there is as good as removed.
    pub async fn delete(&self, key: &str) -> Result<(), StorageError> {
        self.client.delete_object().bucket(&self.bucket).key(key).send().await.map(drop).map_err(StorageError::of_call)
    }

    /// The keys that start with `prefix`.
    pub async fn keys_under(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        let mut pages = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(StorageError::of_call)?;
            keys.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
        }
        Ok(keys)
    }

    /// An address to send one file of exactly this size, kind and checksum to. Makes no call.
    pub async fn presign_put(
        &self,
        key: &str,
        size: i64,
        content_type: Option<&str>,
        sha256: Option<&[u8; 32]>,
        expires_in: Duration,
    ) -> Result<PresignedUpload, StorageError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_length(size)
            .set_content_type(content_type.map(str::to_owned))
            .set_checksum_sha256(sha256.map(|digest| BASE64.encode(digest)))
            .presigned(expiry(expires_in)?)
            .await
            .map_err(StorageError::of_call)?;
        let headers = request.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(PresignedUpload { url: request.uri().to_owned(), method: request.method().to_owned(), headers })
    }

    /// An address that anybody may read the object from for a while. Makes no call.
    pub async fn presign_get(&self, key: &str, expires_in: Duration) -> Result<String, StorageError> {
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let request = request.presigned(expiry(expires_in)?).await.map_err(StorageError::of_call)?;
        Ok(request.uri().to_owned())
    }
}

/// The SDK's time to answer begins when the body does: a large body has more of it, at the least a megabyte a second.
fn upload_timeouts(size: i64) -> TimeoutConfig {
    let answer = Duration::from_secs(60 + size.max(0) as u64 / 1_000_000);
    TimeoutConfig::builder().connect_timeout(Duration::from_secs(3)).read_timeout(answer).build()
}

fn expiry(expires_in: Duration) -> Result<PresigningConfig, StorageError> {
    PresigningConfig::expires_in(expires_in).map_err(|error| StorageError::new(StorageErrorKind::Rejected, error.to_string()))
}

async fn digest_of(path: &Path) -> std::io::Result<(i64, [u8; 32])> {
    let mut file = File::open(path).await?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        let count = file.read(&mut buffer).await?;
        if count == 0 {
            return Ok((size, hash.finalize().into()));
        }
        size += count as i64;
        hash.update(&buffer[..count]);
    }
}
