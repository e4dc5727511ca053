//! What `/sync` is asked for.
//!
//! Every request carries the filter itself, until it is known that the server has MSC4089. Then
//! ours is uploaded once, with a word that the SDK's type has no place for (PROTOCOL §7): that the
//! receipts of a large message are to come as a summary. The server may forget it, so it is
//! uploaded again after any trouble.

use std::time::Duration;

use matrix_sdk::{
    Client,
    config::RequestConfig,
    ruma::{
        api::client::{
            filter::{FilterDefinition, create_filter::v3 as create_filter},
            sync::sync_events::v3::Filter,
        },
        uint,
    },
};
use serde_json::Value;

use crate::{
    client::{body::WithBody, errors},
    delivery::receipt::{NATIVE_FEATURE, Summary},
};

/// How long a request may take: a sync waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Members as they speak, and more of the timeline than the server's usual ten events: a gap costs
/// a request, and the SDK can lose its place when own messages just sent stand in one.
pub(super) fn plain() -> FilterDefinition {
    let mut filter = FilterDefinition::with_lazy_loading();
    filter.room.timeline.limit = Some(uint!(50));
    filter
}

/// The same, but for summaries of events with more receipts than this, where the server has
/// MSC4089.
pub(super) async fn best(client: &Client, summary_above: u64) -> Filter {
    match uploaded(client, summary_above).await {
        Ok(Some(id)) => Filter::FilterId(id),
        Ok(None) => plain().into(),
        Err(error) => {
            tracing::info!(error = %errors::http_sentence(&error), "the filter is not uploaded");
            plain().into()
        }
    }
}

async fn uploaded(client: &Client, summary_above: u64) -> matrix_sdk::HttpResult<Option<String>> {
    let once = || RequestConfig::new().disable_retry().timeout(PATIENCE);
    let versions = client.fetch_server_versions(Some(once())).await?;
    let Some(user) = client.user_id().filter(|_| versions.unstable_features.get(NATIVE_FEATURE) == Some(&true)) else {
        return Ok(None);
    };
    let Ok(body) = body(summary_above) else { return Ok(None) };
    let request = WithBody { plain: create_filter::Request::new(user.to_owned(), plain()), body };
    Ok(Some(client.send(request).with_request_config(once()).await?.filter_id))
}

fn body(summary_above: u64) -> serde_json::Result<Value> {
    let mut filter = serde_json::to_value(plain())?;
    filter["room"]["ephemeral"] = Summary::asked_above(summary_above);
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::bundle::Options;

    #[test]
    fn the_filter_says_to_the_sdk_and_to_the_server_what_it_should() {
        let body = body(200).unwrap();
        assert_eq!(Options::from_filter(&body), Options { wanted: true, summary_above: Some(200) });
        let read: FilterDefinition = serde_json::from_value(body).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), serde_json::to_value(plain()).unwrap());
    }
}
