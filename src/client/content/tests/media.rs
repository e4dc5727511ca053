//! Files, and what is said about them.

use std::time::Duration;

use matrix_sdk::ruma::{
    events::room::{EncryptedFile, MediaSource as SdkSource, message::MessageType},
    serde::Raw,
};
use serde_json::{Value, json};

use super::said;
use crate::model::{
    Body, Dimensions, Line, Location, Media, MediaKind, MediaSource, MxcUri, SafeText, Secret, Thumbnail,
};

const KEY: &str = "TLlG_OpX807zzQuuwv4QZGJ21_u7weemFGYJFszMn9A";

fn lines(text: &str) -> Vec<Line> {
    vec![Line::plain(SafeText::line(text))]
}

fn media(content: &Value) -> Media {
    let Body::Media(media) = said(content) else { panic!("no file: {content}") };
    *media
}

/// A file of which nothing is said.
fn bare(kind: MediaKind, name: &str) -> Media {
    Media {
        kind,
        name: SafeText::line(name),
        mimetype: None,
        size: None,
        dimensions: None,
        duration: None,
        thumbnail: None,
        caption: Vec::new(),
        source: MediaSource::Plain(MxcUri::new("mxc://a/b")),
    }
}

fn encrypted(uri: &str) -> Value {
    json!({
        "v": "v2", "url": uri, "iv": "S22dq3qqq8wAAAAAAAAAAA",
        "key": { "kty": "oct", "key_ops": ["encrypt", "decrypt"], "alg": "A256CTR", "k": KEY, "ext": true },
        "hashes": { "sha256": "aWOHudBnDkJ9IwaR1qq8XKoI7DOrqDTwt6xDPfVGN6Q" },
    })
}

#[test]
fn files_have_a_safe_name_and_a_caption_and_keep_what_is_said_about_them() {
    let info = json!({
        "mimetype": "a/b\u{1B}[2J", "size": 1234, "w": 640, "h": 480, "duration": 2500,
        "thumbnail_url": "mxc://a/small",
        "thumbnail_info": { "mimetype": "image/png", "size": 56, "w": 64, "h": 48 },
    });
    let big = Some(Dimensions { width: 640, height: 480 });
    let thumbnail = Some(Thumbnail {
        mimetype: Some(SafeText::line("image/png")),
        size: Some(56),
        dimensions: Some(Dimensions { width: 64, height: 48 }),
        source: MediaSource::Plain(MxcUri::new("mxc://a/small")),
    });
    let long = Some(Duration::from_millis(2500));
    let voice = json!({ "org.matrix.msc3245.voice": {} });
    let table = [
        ("m.image", json!({}), MediaKind::Image, (big, None, &thumbnail)),
        ("m.file", json!({}), MediaKind::File, (None, None, &thumbnail)),
        ("m.video", json!({}), MediaKind::Video, (big, long, &thumbnail)),
        ("m.audio", json!({}), MediaKind::Audio, (None, long, &None)),
        ("m.audio", voice, MediaKind::VoiceMessage, (None, long, &None)),
    ];
    for (msgtype, more, kind, (dimensions, duration, thumbnail)) in table {
        let mut content = json!({
            "msgtype": msgtype, "body": "look", "filename": "a\u{202E}gpj.\u{1B}[2J\n.exe", "url": "mxc://a/b",
            "info": info,
        });
        content.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let expected = Media {
            mimetype: Some(SafeText::line("a/b\u{FFFD}[2J")),
            size: Some(1234),
            dimensions,
            duration,
            thumbnail: thumbnail.clone(),
            caption: lines("look"),
            ..bare(kind, "agpj.\u{FFFD}[2J .exe")
        };
        assert_eq!(media(&content), expected, "{msgtype}");
    }
}

#[test]
fn what_is_not_said_about_a_file_is_not_known() {
    let file = |more: &Value| {
        let mut content = json!({ "msgtype": "m.image", "body": "a.png", "url": "mxc://a/b" });
        content.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        content
    };
    let expected = bare(MediaKind::Image, "a.png");
    for nothing in [
        json!({}),
        json!({ "info": {} }),
        json!({ "info": { "mimetype": "\u{200B} ", "w": 5, "thumbnail_info": { "w": 1, "h": 1 } } }),
        json!({ "info": { "size": null, "h": null, "thumbnail_url": null, "more": [1] } }),
        json!({ "file": null, "filename": "a.png", "format": "x", "formatted_body": "<b>c</b>" }),
    ] {
        assert_eq!(media(&file(&nothing)), expected, "{nothing}");
    }
    let unnamed = json!({ "msgtype": "m.file", "body": "\u{200B}", "url": "mxc://a/b" });
    assert_eq!(media(&unnamed), bare(MediaKind::File, "(no name)"));
    let voice = json!({
        "msgtype": "m.audio", "body": "a.ogg", "url": "mxc://a/b",
        "org.matrix.msc1767.audio": { "duration": 700, "waveform": [1, 2] }, "org.matrix.msc3245.voice": {},
    });
    let duration = Some(Duration::from_millis(700));
    assert_eq!(media(&voice), Media { duration, ..bare(MediaKind::VoiceMessage, "a.ogg") });
    let odd = json!({ "msgtype": "m.image", "body": "a.png", "url": "\u{1B}]0;x\u{7}" });
    let source = MediaSource::Plain(MxcUri::new("\u{1B}]0;x\u{7}"));
    assert_eq!(media(&odd), Media { source, ..bare(MediaKind::Image, "a.png") }, "it is kept to be asked for");
}

#[test]
fn numbers_that_are_none_make_no_message_and_great_ones_are_kept() {
    let file = |info: Value| {
        let content = json!({ "msgtype": "m.video", "body": "a.mkv", "url": "mxc://a/b", "info": info });
        Raw::<MessageType>::from_json(serde_json::value::to_raw_value(&content).unwrap()).deserialize()
    };
    let great = (1_u64 << 53) - 1;
    for field in ["size", "w", "duration"] {
        assert!(file(json!({ field: great, "h": great })).is_ok(), "{field}");
        for bad in [json!(-1), json!(great + 1), json!(1.5), json!("7"), json!([])] {
            assert!(file(json!({ field: bad.clone() })).is_err(), "{field}: {bad}");
        }
    }
    let info = json!({ "size": great, "w": 0, "h": great, "duration": great });
    let content = json!({ "msgtype": "m.video", "body": "a.mkv", "url": "mxc://a/b", "info": info });
    let expected = Media {
        size: Some(great),
        dimensions: Some(Dimensions { width: 0, height: great }),
        duration: Some(Duration::from_millis(great)),
        ..bare(MediaKind::Video, "a.mkv")
    };
    assert_eq!(media(&content), expected);
}

#[test]
fn an_encrypted_file_keeps_all_that_it_takes_to_decrypt_it_and_never_shows_the_key() {
    let content = json!({
        "msgtype": "m.image", "body": "a.png", "url": "mxc://a/plain", "file": encrypted("mxc://a/b"),
        "info": { "thumbnail_file": encrypted("mxc://a/small") },
    });
    let media = media(&content);
    assert!(!format!("{media:?}").contains(KEY));
    let thumbnail = media.thumbnail.as_ref().map(|thumbnail| &thumbnail.source);
    for (source, expected) in [(Some(&media.source), "mxc://a/b"), (thumbnail, "mxc://a/small")] {
        let Some(MediaSource::Encrypted { uri, file: Secret(file) }) = source else { panic!("{source:?}") };
        assert_eq!(uri.as_str(), expected);
        let file: EncryptedFile = serde_json::from_str(file).unwrap();
        let again = serde_json::to_value(SdkSource::Encrypted(Box::new(file))).unwrap();
        let mut original = encrypted(expected);
        original["key"]["key_ops"] = again["file"]["key"]["key_ops"].clone();
        assert_eq!(again, json!({ "file": original }));
    }
    assert_eq!(media, self::media(&content), "what is the same is the same");
}

#[test]
fn a_place_keeps_its_uri() {
    let place = json!({ "msgtype": "m.location", "body": "the pub", "geo_uri": "geo:1,2;u=35" });
    let uri = SafeText::line("geo:1,2;u=35");
    let expected = Location { name: uri.clone(), geo_uri: Some(uri), caption: lines("the pub") };
    assert_eq!(said(&place), Body::Location(expected));
    let odd = json!({ "msgtype": "m.location", "body": "", "geo_uri": "\u{202E}" });
    let expected = Location { name: SafeText::line("(no name)"), geo_uri: None, caption: lines("") };
    assert_eq!(said(&odd), Body::Location(expected));
}
