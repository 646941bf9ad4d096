//! The table that follows one that has ended: the same for everybody who asks.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tablecast::hub::RoomError;
use tablecast_core::RoomId;
use tablecast_lunch::Menu;
use uuid::Builder;

use crate::routes::site::SiteState;

/// The id of a room's successor. It follows from the room's, so that all who ask at the same
/// time, on whatever nodes, ask for the same one.
pub(super) fn successor(room: &RoomId) -> RoomId {
    let hash = Sha256::new().chain_update("tablecast successor\n");
    let hash: [u8; 32] = hash.chain_update(room.as_str()).finalize().into();
    let [first, ..] = hash.as_chunks().0 else {
        unreachable!("32 bytes have two parts of 16")
    };
    let id = Builder::from_custom_bytes(*first).into_uuid();
    let id = id.hyphenated().to_string().parse();
    id.unwrap_or_else(|_| unreachable!("a UUID is an id"))
}

/// What a table leaves to the next one.
#[derive(Deserialize)]
pub(super) struct Legacy {
    pub(super) title: Option<Arc<str>>,
    pub(super) menu: Vec<Dish>,
}

/// A dish that is on the menu from the beginning.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Dish {
    /// What it is.
    pub(super) item: Arc<str>,
    /// The name of who wanted it.
    pub(super) name: Arc<str>,
}

/// What a room leaves: as it is now, or else as it was when it was decided.
///
/// # Errors
/// `NotFound`: there is neither.
pub(super) async fn legacy(site: &SiteState, room: &RoomId) -> Result<Legacy, RoomError> {
    match site.hub.view(room.as_str()).await {
        Ok(view) => Ok(as_it_is(&view.app)),
        Err(RoomError::NotFound) => {
            let kept = site.hub.keepsake(room.as_str()).await?;
            serde_json::from_slice(&kept.what).map_err(|error| {
                tracing::error!(%room, %error, "the stored result cannot be read");
                RoomError::NotFound
            })
        }
        Err(error) => Err(error),
    }
}

fn as_it_is(menu: &Menu) -> Legacy {
    let table = menu.table();
    let dishes = table.items.iter().map(|item| Dish {
        item: item.item.clone(),
        name: item.name.clone(),
    });
    Legacy {
        title: table.title.clone(),
        menu: dishes.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clients rely on it: `docs/protocol.md` says how the id follows.
    #[test]
    fn a_rooms_successor_is_always_the_same() {
        let id = |text: &str| text.parse::<RoomId>().map(|id| successor(&id).to_string());
        assert_eq!(
            id("32cd8a37-d116-4cf7-ab54-ad14cb7df569").as_deref(),
            Ok("04322baf-0908-8902-9c79-e164a791da1b")
        );
        assert_ne!(id("a"), id("b"));
    }
}
