#!/usr/bin/env bash
# termina 0.4.0 (crates.io), the terminal library of the editor Helix; its parser for the bytes that a terminal sends.
#
# Guess: Escape and then an arrow key, read together as over a slow line, are the two keys that were pressed; as are two
# arrow keys read together.
#
# Seen: the second ESC is taken for the end of the first key and is gone with it. What is left of the arrow key, `[A`, is
# typed: a bracket and a letter, which in an editor are text, or commands. Escape and a letter are Alt and that letter, as
# everywhere, and two arrow keys are two arrow keys. So whoever uses the parser tells it that a key has ended before an ESC
# is handed to it.
#
# Output:
#   Up Up          | Up, Up
#   Escape Up      | Escape, Char('['), Char('A')
#   Escape, Up     | Escape, Up
#
# (The third line: the parser was told that nothing follows before it got the second ESC.)
#
# Needs cargo; ends by itself within minutes, and fails when it sees anything else.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir src
cat >Cargo.toml <<'MANIFEST'
[package]
name = "keys"
edition = "2024"

[dependencies]
termina = "=0.4.0"
MANIFEST
cat >src/main.rs <<'PROGRAM'
use termina::{Event, Parser};

/// The keys in pieces of bytes; a key ends with each piece.
fn keys(pieces: &[&[u8]]) -> String {
    let mut parser = Parser::default();
    for piece in pieces {
        parser.parse(piece, true);
        parser.parse(&[], false);
    }
    let mut keys = Vec::new();
    while let Some(event) = parser.pop() {
        match event {
            Event::Key(key) => keys.push(format!("{:?}", key.code)),
            other => keys.push(format!("{other:?}")),
        }
    }
    keys.join(", ")
}

fn main() {
    println!("Up Up          | {}", keys(&[b"\x1b[A\x1b[A"]));
    println!("Escape Up      | {}", keys(&[b"\x1b\x1b[A"]));
    println!("Escape, Up     | {}", keys(&[b"\x1b", b"\x1b[A"]));
}
PROGRAM
timeout 300 cargo run --quiet >seen
cat seen
diff seen - <<'EXPECTED'
Up Up          | Up, Up
Escape Up      | Escape, Char('['), Char('A')
Escape, Up     | Escape, Up
EXPECTED
