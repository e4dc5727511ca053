//! Files that come with messages: the SDK's content in, [`Media`] out.

use std::time::Duration;

use matrix_sdk::ruma::{
    UInt,
    events::room::{
        ImageInfo, MediaSource as SdkSource, ThumbnailInfo,
        message::{AudioInfo, FileInfo, VideoInfo},
    },
};

use crate::model::{Body, Dimensions, Line, Media, MediaKind, MediaSource, MxcUri, SafeText, Secret, Thumbnail};

/// A file of this name.
pub(super) fn media(kind: MediaKind, name: &str, caption: Vec<Line>, source: &SdkSource, info: Info) -> Body {
    let Info { mimetype, size, dimensions, duration, thumbnail } = info;
    Body::Media(Box::new(Media {
        kind,
        name: self::name(name),
        mimetype,
        size,
        dimensions,
        duration,
        thumbnail,
        caption,
        source: self::source(source),
    }))
}

/// A name of which something is seen.
pub(super) fn name(name: &str) -> SafeText {
    SafeText::line(name).or(SafeText::line("(no name)"))
}

/// What the sender says about a file; each kind of file has a type of its own for that.
#[derive(Default)]
pub(super) struct Info {
    mimetype: Option<SafeText>,
    size: Option<u64>,
    dimensions: Option<Dimensions>,
    duration: Option<Duration>,
    thumbnail: Option<Thumbnail>,
}

impl Info {
    /// The same, with this duration where it has none.
    pub fn or_duration(self, duration: Option<Duration>) -> Self {
        Self { duration: self.duration.or(duration), ..self }
    }
}

impl From<&ImageInfo> for Info {
    fn from(info: &ImageInfo) -> Self {
        Self {
            mimetype: mimetype(info.mimetype.as_deref()),
            size: info.size.map(Into::into),
            dimensions: dimensions(info.width, info.height),
            duration: None,
            thumbnail: thumbnail(info.thumbnail_source.as_ref(), info.thumbnail_info.as_deref()),
        }
    }
}

impl From<&FileInfo> for Info {
    fn from(info: &FileInfo) -> Self {
        Self {
            mimetype: mimetype(info.mimetype.as_deref()),
            size: info.size.map(Into::into),
            dimensions: None,
            duration: None,
            thumbnail: thumbnail(info.thumbnail_source.as_ref(), info.thumbnail_info.as_deref()),
        }
    }
}

impl From<&VideoInfo> for Info {
    fn from(info: &VideoInfo) -> Self {
        Self {
            mimetype: mimetype(info.mimetype.as_deref()),
            size: info.size.map(Into::into),
            dimensions: dimensions(info.width, info.height),
            duration: info.duration,
            thumbnail: thumbnail(info.thumbnail_source.as_ref(), info.thumbnail_info.as_deref()),
        }
    }
}

impl From<&AudioInfo> for Info {
    fn from(info: &AudioInfo) -> Self {
        Self {
            mimetype: mimetype(info.mimetype.as_deref()),
            size: info.size.map(Into::into),
            dimensions: None,
            duration: info.duration,
            thumbnail: None,
        }
    }
}

fn mimetype(given: Option<&str>) -> Option<SafeText> {
    given.map(SafeText::line).filter(|mimetype| !mimetype.is_blank())
}

fn dimensions(width: Option<UInt>, height: Option<UInt>) -> Option<Dimensions> {
    Some(Dimensions { width: width?.into(), height: height?.into() })
}

fn thumbnail(source: Option<&SdkSource>, info: Option<&ThumbnailInfo>) -> Option<Thumbnail> {
    Some(Thumbnail {
        mimetype: mimetype(info.and_then(|info| info.mimetype.as_deref())),
        size: info.and_then(|info| info.size).map(Into::into),
        dimensions: info.and_then(|info| dimensions(info.width, info.height)),
        source: self::source(source?),
    })
}

fn source(source: &SdkSource) -> MediaSource {
    match source {
        SdkSource::Plain(uri) => MediaSource::Plain(MxcUri::new(uri)),
        SdkSource::Encrypted(file) => MediaSource::Encrypted {
            uri: MxcUri::new(&file.url),
            // It was read from JSON, so it can be written.
            file: Secret(serde_json::to_string(file).unwrap_or_default()),
        },
    }
}
