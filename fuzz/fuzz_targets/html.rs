//! `formatted_body`, the HTML of messages.

#![no_main]

use kvitto_fuzz::{client::content, laws, model::SafeText};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let html = String::from_utf8_lossy(data);
    let Some(lines) = content::html(&html) else { return };
    assert!(html.len() <= SafeText::BLOCK_BYTES);
    let spans: Vec<_> = lines.iter().flat_map(|line| &line.spans).collect();
    assert!(spans.iter().any(|span| !span.text.trim().is_empty()), "it shows something");
    for span in &spans {
        laws::is_safe(&span.text);
        assert!(!span.text.contains('\n'));
        assert!(span.link.iter().all(|url| url.as_str().bytes().all(|byte| byte.is_ascii_graphic())));
    }
    // A list item of four bytes begins with its bullet and as much space as the deepest list.
    let drawn: usize = spans.iter().map(|span| span.text.len()).sum();
    assert!(drawn <= 32 * html.len(), "{} bytes became {drawn}", html.len());
    assert!(lines.len() <= html.len());
});
