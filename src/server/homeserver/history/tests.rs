//! What is shown to whom, page by page.
