//! How far the user has read, and what is told of it (P14).
//!
//! What the user has looked at is noted at once. Whom it is told is asked then, and again when it
//! has waited; so what is looked at meanwhile leaves with it, and what is set meanwhile holds. What
//! still waits when the session ends is not told.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use matrix_sdk::{
    Room,
    room::Receipts as Marks,
    ruma::{EventId as SdkEventId, OwnedEventId, api::client::receipt::create_receipt::v3::ReceiptType},
};
use matrix_sdk_base::{
    RoomInfoNotableUpdateReasons, StoreError,
    read_receipts::{LatestReadReceipt, RoomReadReceipts},
};
use matrix_sdk_ui::timeline::TimelineItem;

use super::TimelineHandle;
use crate::{
    client::{
        errors,
        receipts::Receipts,
        reply::{Outcome, Reply},
    },
    delivery::attention::{ReadReceipt, Shown},
};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Reading {
    seen: Mutex<Option<Seen>>,
    /// A read receipt waits for its moment.
    waits: AtomicBool,
}

/// What the user has looked at.
#[derive(Clone, Debug)]
struct Seen {
    /// The newest event.
    newest: OwnedEventId,
    /// The newest that others may be told of: the same one, or one above what cannot be decrypted.
    readable: Option<OwnedEventId>,
}

impl TimelineHandle {
    /// Marks the newest message as read, for whoever is to know it, and clears 'marked as unread'.
    /// To be called only when the user looks at it.
    pub async fn mark_read(&self, receipts: &Receipts) -> Outcome {
        if let Some(newest) = self.timeline.latest_event_id().await {
            let readable = newest_readable(self.timeline.items().await.iter().map(|item| &**item), &newest);
            *self.reading.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen { newest, readable });
        }
        let attention = receipts.attention(self.timeline.room()).await;
        let mut shown = attention.shown;
        if !attention.wait.is_zero() {
            if self.reading.waits.swap(true, Ordering::SeqCst) {
                return Ok(Reply::Done);
            }
            tokio::time::sleep(attention.wait).await;
            self.reading.waits.store(false, Ordering::SeqCst);
            shown = receipts.attention(self.timeline.room()).await.shown;
        }
        let failed = |error| errors::failure(&error).prefixed("The read receipt could not be sent. ");
        self.tell_read(shown).await.map_err(failed)?;
        Ok(Reply::Done)
    }

    async fn tell_read(&self, shown: Shown) -> matrix_sdk::Result<()> {
        let room = self.timeline.room();
        let Some(Seen { newest, readable }) = self.seen() else {
            return if shown.read_receipt.is_some() { room.set_unread_flag(false).await } else { Ok(()) };
        };
        let Some(read_receipt) = shown.read_receipt else { return Ok(count_from(room, newest).await?) };
        let told = readable.filter(|_| read_receipt == ReadReceipt::Public);
        if let Some(told) = &told {
            self.timeline.send_single_receipt(ReceiptType::Read, told.clone()).await?;
        }
        if told.as_ref() != Some(&newest) {
            self.timeline.send_single_receipt(ReceiptType::ReadPrivate, newest).await?;
        }
        Ok(())
    }

    /// Closes the room: what the user has looked at becomes the place of the unread line
    /// (`m.fully_read`), which only the own devices are told. Dropping the value instead leaves the
    /// line where it was.
    pub async fn close(&self, receipts: &Receipts) {
        let Some(seen) = self.seen() else { return };
        let attention = receipts.attention(self.timeline.room()).await;
        let mut shown = attention.shown;
        if !attention.wait.is_zero() {
            tokio::time::sleep(attention.wait).await;
            shown = receipts.attention(self.timeline.room()).await.shown;
        }
        if shown.read_receipt.is_some()
            && let Err(error) = self.timeline.send_multiple_receipts(Marks::new().fully_read_marker(seen.newest)).await
        {
            tracing::debug!(%error, "the unread line stays where it was");
        }
    }

    fn seen(&self) -> Option<Seen> {
        self.reading.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// No server is told how far the user has read, so the SDK, which counts what is unread, cannot
/// hear it from there.
async fn count_from(room: &Room, newest: OwnedEventId) -> Result<(), StoreError> {
    room.update_and_save_room_info(|mut info| {
        let latest_active = Some(LatestReadReceipt { event_id: newest });
        let mut read = RoomReadReceipts { latest_active, ..RoomReadReceipts::default() };
        read.pending = info.read_receipts().pending.clone();
        info.set_read_receipts(read);
        (info, RoomInfoNotableUpdateReasons::READ_RECEIPT)
    })
    .await
}

/// The newest event, where the last message can be read; else the newest message that can.
fn newest_readable<'a>(
    items: impl DoubleEndedIterator<Item = &'a TimelineItem>,
    newest: &SdkEventId,
) -> Option<OwnedEventId> {
    let mut messages = items.rev().filter_map(TimelineItem::as_event).filter(|item| item.event_id().is_some());
    let is_readable = |item: &matrix_sdk_ui::timeline::EventTimelineItem| !item.content().is_unable_to_decrypt();
    let last = messages.next()?;
    if is_readable(last) {
        return Some(newest.to_owned());
    }
    messages.find(|item| is_readable(item))?.event_id().map(ToOwned::to_owned)
}
