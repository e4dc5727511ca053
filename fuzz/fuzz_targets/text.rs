//! Text on its way to the terminal.

#![no_main]

use kvitto_fuzz::{laws, model::SafeText};
use libfuzzer_sys::fuzz_target;
use unicode_segmentation::UnicodeSegmentation;

fuzz_target!(|data: &[u8]| {
    let raw = String::from_utf8_lossy(data);
    let line = SafeText::line(&raw);
    laws::is_safe(&line);
    assert!(!line.contains('\n') && line.graphemes(true).count() <= SafeText::LINE_GRAPHEMES + 1);
    assert_eq!(SafeText::line(&line), line);

    let block = SafeText::block(&raw);
    laws::is_safe(&block);
    let lines = SafeText::lines(&raw);
    assert!(block.split('\n').eq(lines.iter().map(SafeText::as_str)));

    // ASCII without controls is what it was.
    if raw.len() <= SafeText::LINE_GRAPHEMES && raw.chars().all(|c| matches!(c, ' '..='~')) {
        assert_eq!(*line, *raw);
        assert_eq!(*block, *raw);
    }
});
