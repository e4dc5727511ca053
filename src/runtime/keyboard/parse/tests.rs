use proptest::prelude::*;

use super::*;

/// What comes of chunks of bytes that arrive at once, and of the silence after them.
fn typed(chunks: &[&[u8]]) -> Vec<Typed> {
    let (mut parser, now) = (Parser::default(), Instant::now());
    let mut typed: Vec<_> = chunks.iter().flat_map(|bytes| parser.feed(bytes, now)).collect();
    typed.extend(parser.wait_no_longer(now + PASTE_WAIT));
    typed
}

fn keys(bytes: &[u8]) -> Vec<String> {
    let key = |typed: Typed| match typed {
        Typed::Key(key) => key.to_string(),
        other => format!("{other:?}"),
    };
    typed(&[bytes]).into_iter().map(key).collect()
}

#[test]
fn keys_are_what_terminals_send_for_them() {
    for (bytes, expected) in [
        ("gG?", "g G ?"),
        ("ß€👍", "ß € 👍"),
        ("\r\n\t\x7f\x08", "Enter Ctrl-J Tab Backspace Ctrl-H"),
        ("\x01\x03\x1a\0", "Ctrl-A Ctrl-C Ctrl-Z Ctrl-Space"),
        ("\x1bb\x1b\r\x1b\x7f\x1bß", "Alt-B Alt-Enter Alt-Backspace Alt-SS"),
        ("\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F", "Up Down Right Left Home End"),
        ("\x1bOA\x1bOD\x1bOP\x1bOS", "Up Left F1 F4"),
        ("\x1b[1;5C\x1b[1;3A\x1b[1;2D\x1b[1;2P", "Ctrl-Right Alt-Up Shift-Left Shift-F1"),
        ("\x1b[Z", "Shift-Tab"),
        ("\x1b[1~\x1b[2~\x1b[3~\x1b[4~\x1b[5~\x1b[6~", "Home Insert Delete End PgUp PgDn"),
        ("\x1b[3;5~\x1b[6;5~", "Ctrl-Delete Ctrl-PgDn"),
        ("\x1b[11~\x1b[15~\x1b[17~\x1b[21~\x1b[24~", "F1 F5 F6 F10 F12"),
        ("\x1b[[A\x1b[[E", "F1 F5"),
        ("\x1b[27u\x1b[13;2u\x1b[9;2u\x1b[127;5u", "Esc Shift-Enter Shift-Tab Ctrl-Backspace"),
        ("\x1b[99;5u\x1b[113;5u\x1b[97;3u\x1b[103;2u", "Ctrl-C Ctrl-Q Alt-A G"),
        ("\x1b[57414u\x1b[57400u\x1b[57419;5u", "Enter 1 Ctrl-Up"),
        ("\x1b", "Esc"),
        ("\x1b\x1b[A", "Esc Up"),
        ("\x1b[I\x1b[O", "Focus(true) Focus(false)"),
    ] {
        assert_eq!(keys(bytes.as_bytes()).join(" "), expected, "{bytes:?}");
    }
}

#[test]
fn what_is_no_key_is_nothing() {
    for bytes in [
        "\x1b[99;9u",
        "\x1b[97;1:3u",
        "\x1b[57358u",
        "\x1b[?1;2c",
        "\x1b[12;34R",
        "\x1b[1;5",
        "\x1b[201~",
        "\x1b[99~",
        "\u{9b}",
    ] {
        assert_eq!(keys(bytes.as_bytes()), [""; 0], "{bytes:?}");
    }
    assert_eq!(keys(b"\xffa\xc3(b\xf0\x9f"), ["a", "b"], "no UTF-8");
}

#[test]
fn a_sequence_may_come_in_parts() {
    assert_eq!(typed(&[b"\x1b", b"[1;", b"5C"]), typed(&[b"\x1b[1;5C"]));
    assert_eq!(typed(&[b"\xe2\x82", b"\xac"]), typed(&["€".as_bytes()]));
    let (mut parser, now) = (Parser::default(), Instant::now());
    assert_eq!(parser.feed(b"\x1b", now), []);
    assert_eq!(parser.wait_no_longer(now), []);
    assert_eq!(parser.wait_no_longer(now + SEQUENCE_WAIT), [Typed::Key(Key::new(KeyCode::Esc))]);
    assert_eq!(parser.due(), None);
}

#[test]
fn what_stands_in_brackets_is_a_paste_without_escape_sequences() {
    let paste = |text: &str| Typed::Paste(text.to_owned());
    let a = Typed::Key(Key::char('a'));
    assert_eq!(typed(&[b"a\x1b[200~x\ry\r\nz\x1b[201~a"]), [a.clone(), paste("x\ny\nz"), a.clone()]);
    assert_eq!(typed(&[b"\x1b[20", b"0~d\te\x1b[2J\xc2\x9b0m\0", b"\x1b[20", b"1~a"]), [paste("d\te[2J0m"), a]);
    assert_eq!(typed(&[b"\x1b[200~\x1b[201~"]), []);
}

#[test]
fn a_paste_without_its_end_does_not_swallow_what_is_typed_later() {
    let (mut parser, now) = (Parser::default(), Instant::now());
    let ctrl_c = || Typed::Key(Key::char('c').ctrl());
    let paste = |text: &str| Typed::Paste(text.to_owned());
    assert_eq!(parser.feed(b"\x1b[200~lost", now), []);
    assert_eq!(parser.wait_no_longer(now + PASTE_WAIT / 2), [], "a paste may be slow");
    assert_eq!(parser.wait_no_longer(now + PASTE_WAIT), [paste("lost")]);
    assert_eq!(parser.due(), None);
    assert_eq!(parser.feed(b"a", now), [Typed::Key(Key::char('a'))]);
    for interrupt in INTERRUPTS {
        assert_eq!(parser.feed(b"\x1b[200~lost", now), []);
        assert_eq!(parser.feed(interrupt, now), [paste("lost"), ctrl_c()]);
    }
    assert_eq!(parser.feed(b"\x1b[200~lost\x03", now), []);
    assert_eq!(parser.wait_no_longer(now + PASTE_WAIT), [paste("lost"), ctrl_c()]);
    let much = "x".repeat(PASTE_BYTES + 1);
    assert_eq!(parser.feed(b"\x1b[200~", now), []);
    assert_eq!(parser.feed(much.as_bytes(), now), [paste(&much)]);
    assert_eq!(parser.feed(b"\x03", now), [ctrl_c()]);
}

proptest! {
    #[test]
    fn whatever_comes_the_next_key_is_heard(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 0..12)) {
        let (mut parser, mut now) = (Parser::default(), Instant::now());
        for chunk in &chunks {
            parser.feed(chunk, now);
        }
        now += PASTE_WAIT;
        parser.wait_no_longer(now);
        prop_assert_eq!(parser.feed(b"\x03", now), [Typed::Key(Key::char('c').ctrl())]);
    }
}
