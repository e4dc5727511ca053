//! Polls: the SDK's state of one in, [`Poll`] out.

use matrix_sdk::ruma::events::poll::start::PollKind as SdkKind;
use matrix_sdk_ui::timeline::PollState;

use crate::{
    client::timestamp::timestamp,
    model::{Poll, PollAnswer, PollAnswerId, PollKind, SafeText, UserId},
};

/// The poll, with the votes that count.
pub(super) fn poll(poll: &PollState) -> Poll {
    let results = poll.results();
    let answers = results.answers.iter().map(|answer| PollAnswer {
        id: PollAnswerId::new(&answer.id),
        text: SafeText::line(&answer.text),
        voters: results.votes.get(&answer.id).into_iter().flatten().map(UserId::new).collect(),
    });
    Poll {
        question: SafeText::line(&results.question),
        answers: answers.collect(),
        kind: match results.kind {
            SdkKind::Disclosed => PollKind::Disclosed,
            // What is not known discloses nothing.
            _ => PollKind::Undisclosed,
        },
        max_selections: results.max_selections,
        ended: results.end_time.map(timestamp),
    }
}
