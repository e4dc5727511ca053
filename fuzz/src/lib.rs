//! The parts of kvitto that read what strangers write, and nothing around them.
//!
//! **Problem.** A fuzzer wants its target small and built for it; kvitto with matrix-sdk takes a
//! quarter of an hour to be built so, and is too slow to be run a million times.
//!
//! **Why this way.** Whatever reads the wire is pure (`src/lib.rs`), so it can be built alone: its
//! files are mounted here under the paths that they have there, unchanged. What fits the mount is
//! kept apart from the world by the compiler.
//!
//! **How.** Each target in `fuzz_targets/` gives bytes to one reader, and what comes out to the
//! [`laws`].

#[path = "../../src"]
mod kvitto {
    pub mod model;

    /// `src/delivery.rs`, without what needs a disk.
    pub mod delivery {
        pub mod attention;
        pub mod bucket;
        pub mod ledger;
        pub mod policy;
        pub mod receipt;
        pub mod responsiveness;
        pub mod summary;
    }

    /// `src/server.rs`, without the homeserver.
    pub mod server {
        pub mod bundle;
        pub mod routing;
    }

    /// `src/client.rs`, of which this alone does without the SDK.
    pub mod client {
        /// Message bodies.
        pub mod content {
            use crate::model::Line;

            mod html;
            mod link;

            /// `formatted_body` as lines.
            pub fn html(formatted_body: &str) -> Option<Vec<Line>> {
                html::lines(formatted_body)
            }
        }
    }
}

pub use kvitto::{client, delivery, model, server};

pub mod laws;
pub mod mutate;
