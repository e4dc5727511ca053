//! A store of the SDK's of which every write is tried until the disk takes it ([`Steady`]).

use super::Steady;
use crate::client::errors::{Hindrance, SqliteError};

impl<Store> Steady<Store> {
    /// Does this until the disk takes it.
    pub(super) async fn until_kept<T, Attempt>(&self, attempt: impl Fn() -> Attempt) -> Result<T, SqliteError>
    where
        Attempt: Future<Output = Result<T, SqliteError>>,
    {
        self.disk.steady(self.file, |error: &SqliteError| Hindrance::below(error), attempt).await
    }
}

/// Makes the methods of a store that are handed on, and tried again with the same arguments.
macro_rules! hand_on {
    ($trait:ident for $store:ident {
        $($name:ident($($arg:ident: $kind:ty),*) -> $out:ty;)*
    } $(and by hand { $($by_hand:tt)* })?) => {
        #[async_trait::async_trait]
        impl $trait for $crate::client::disk::Steady<$store> {
            type Error = $crate::client::errors::SqliteError;

            $(async fn $name(&self, $($arg: $kind),*) -> Result<$out, Self::Error> {
                self.until_kept(|| self.inner.$name($(Clone::clone(&$arg)),*)).await
            })*

            $($($by_hand)*)?
        }
    };
}
pub(super) use hand_on;
