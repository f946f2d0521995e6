//! Uploads: a client says what it will send, and gets an address to send it to.

use std::time::Duration;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::{Error, Services, Session};
use crate::{
    domain::{asset::Upload, clock::Timestamp, id::AssetId, storage::UPLOADS},
    entities::asset,
    storage::PresignedUpload,
};

/// How long an address takes the file: 15 minutes.
const EXPIRES_IN: Duration = Duration::from_secs(15 * 60);

/// An upload that may begin.
pub struct Promised {
    pub asset_id: String,
    pub upload: PresignedUpload,
    pub expires_at: Timestamp,
}

impl Session {
    /// Notes an asset and presigns its upload. The key is the service's own: no name from outside is in it.
    pub async fn create_upload(&self, upload: &Upload) -> Result<Promised, Error> {
        let violations = upload.violations();
        if !violations.is_empty() {
            return Err(Error::Invalid(violations));
        }
        let services = self.services();
        let now = services.clock().now();
        let id = AssetId::new(services.clock());
        let key = format!("{UPLOADS}{id}");
        let row = asset::ActiveModel {
            id: Set(id.to_string()),
            tenant: Set(self.caller().tenant.clone()),
            filename: Set(upload.filename.clone()),
            content_type: Set(upload.content_type.clone()),
            size: Set(upload.size),
            checksum_sha256: Set(upload.checksum_sha256.map(hex::encode)),
            bucket: Set(services.store().bucket().to_owned()),
            key: Set(key.clone()),
            created_at: Set(now.0),
        };
        let unit = self.unit()?;
        asset::Entity::insert(row).exec_without_returning(unit.transaction()).await?;
        unit.target(id.as_str());
        let checksum = upload.checksum_sha256.as_ref();
        let presigned =
            services.store().presign_put(&key, upload.size, upload.content_type.as_deref(), checksum, EXPIRES_IN).await?;
        let expires_at = now.plus_ms(EXPIRES_IN.as_millis() as i64);
        Ok(Promised { asset_id: id.into(), upload: presigned, expires_at })
    }
}

impl Services {
    /// An asset of a tenant, for the worker that fetches it.
    pub async fn asset(&self, tenant: &str, id: &str) -> Result<Option<asset::Model>, Error> {
        let found = asset::Entity::find_by_id(id).filter(asset::Column::Tenant.eq(tenant));
        Ok(found.one(self.database().reader()).await?)
    }
}
