//! One way in for every event, and what comes out.
