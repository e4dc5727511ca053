//! Where links lead.

use std::{fmt, fmt::Write, sync::Arc};

/// An absolute URL in printable ASCII, which may be shown on a terminal and put into its escape
/// sequences.
///
/// It leads where it did as it was written: as browsers do, it leaves out tabs and line breaks (URL
/// Standard, 'basic URL parser'), and percent-encodes whatever else is no printable ASCII (RFC
/// 3987, section 3.1). Whether its scheme may be opened, and whether the text that stands for it is
/// true, is for others to judge.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url(Arc<str>);

impl Url {
    /// Makes a URL of what a stranger wrote.
    pub fn new(raw: &str) -> Self {
        let mut url = String::with_capacity(raw.len());
        for c in raw.trim().chars() {
            match c {
                '\t' | '\r' | '\n' => {}
                '!'..='~' => url.push(c),
                _ => {
                    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                        // Writing into a string cannot fail.
                        let _ = write!(url, "%{byte:02X}");
                    }
                }
            }
        }
        Self(Arc::from(url))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_printable_ascii_is_left_out_or_encoded() {
        let table = [
            ("https://example.org/a?b=c&d#e", "https://example.org/a?b=c&d#e"),
            (" https://example.org/a b ", "https://example.org/a%20b"),
            ("https://exam\r\nple.org/\ta", "https://example.org/a"),
            ("https://example.org/%20%zz", "https://example.org/%20%zz"),
            ("https://example.org/\u{1B}]8;;x\u{7}", "https://example.org/%1B]8;;x%07"),
            ("https://a/\u{202E}gpj", "https://a/%E2%80%AEgpj"),
            ("https://bücher.example/", "https://b%C3%BCcher.example/"),
        ];
        for (raw, expected) in table {
            assert_eq!(Url::new(raw).as_str(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_becomes_printable_ascii_and_stays_as_it_is(raw in any::<String>()) {
            let url = Url::new(&raw);
            prop_assert!(url.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(Url::new(url.as_str()), url);
        }
    }
}
