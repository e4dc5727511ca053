//! What the tests of this module tree have in common.
