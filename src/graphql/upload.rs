//! Uploads.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{
    error::{Problem, Result, failed},
    loaders::changing,
    scalars::{DateTime, Long, Url},
};
use crate::domain::{asset, error::ViolationCode};

/// What will be sent.
#[derive(InputObject)]
pub struct UploadInput {
    /// The file's name, for people only.
    filename: String,
    /// Its media type, such as video/mp4.
    content_type: Option<String>,
    /// Its size in bytes, exactly.
    size: Long,
    /// Its SHA-256 in hexadecimal or Base64; the store refuses other bytes.
    checksum_sha256: Option<String>,
}

/// A header that must be sent with the file.
#[derive(SimpleObject)]
pub struct Header {
    /// Its name.
    name: String,
    /// Its value.
    value: String,
}

/// Where a file is to be sent: a presigned address. The asset is usable once it is there.
#[derive(SimpleObject)]
pub struct Upload {
    /// The id to name as a source, ast_…
    asset: ID,
    /// The address.
    url: Url,
    /// The HTTP method, PUT.
    method: String,
    /// Headers to send with it, as they are.
    headers: Vec<Header>,
    /// When the address ends.
    expires_at: DateTime,
}

#[derive(Default)]
pub struct UploadMutation;

#[Object]
impl UploadMutation {
    /// A presigned address to send a file to; the asset is usable once it is there.
    async fn create_upload(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What will be sent.")] input: UploadInput,
    ) -> Result<Upload> {
        let checksum_sha256 = input.checksum_sha256.as_deref().map(checksum).transpose()?;
        let upload =
            asset::Upload { filename: input.filename, content_type: input.content_type, size: input.size.0, checksum_sha256 };
        let promised = changing(context).await?.create_upload(&upload).await.map_err(failed)?;
        let header = |(name, value)| Header { name, value };
        Ok(Upload {
            asset: promised.asset_id.into(),
            url: Url(promised.upload.url),
            method: promised.upload.method,
            headers: promised.upload.headers.into_iter().map(header).collect(),
            expires_at: DateTime(promised.expires_at),
        })
    }
}

fn checksum(text: &str) -> Result<[u8; 32]> {
    let bytes =
        data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).or_else(|_| data_encoding::BASE64.decode(text.as_bytes()));
    bytes.ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        let rule = "must be a SHA-256 of 64 hexadecimal digits, or in Base64";
        Problem::of_argument("input.checksumSha256", ViolationCode::InvalidFormat, rule).into()
    })
}
