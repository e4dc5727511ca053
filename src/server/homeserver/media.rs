//! Media: bytes with a type and perhaps a name. A thumbnail is the original, which the
//! specification allows.

use std::sync::Arc;

use axum::response::Response;
use ruma::{
    api::client::{
        authenticated_media::{get_content, get_content_thumbnail, get_media_config},
        media::create_content,
    },
    http_headers::{ContentDisposition, ContentDispositionType},
};

use super::{
    accounts,
    error::{Answer, forbidden, not_found},
    http::{LARGEST_BODY, Plain, Routes, Shared, respond},
    sync::news::count,
    world::{Caller, Media, World},
};

#[cfg(test)]
mod tests;

/// All media together: they are kept in memory.
const MOST: usize = 64 << 20;

/// The endpoints of this module. Original and thumbnail differ in their paths only, so one function
/// has both.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(upload)
        .on(config)
        .plainly::<get_content::v1::Request, _>(get)
        .plainly::<get_content_thumbnail::v1::Request, _>(get)
}

async fn get(shared: Arc<Shared>, request: Plain) -> Answer<Response> {
    shared.with(|world| {
        request.caller(world)?;
        download(world, &request)
    })
}

fn config(_: &mut World, _: Caller, _: get_media_config::v1::Request) -> Answer<get_media_config::v1::Response> {
    Ok(get_media_config::v1::Response::new(count(LARGEST_BODY)))
}

fn upload(world: &mut World, _: Caller, request: create_content::v3::Request) -> Answer<create_content::v3::Response> {
    let kept: usize = world.media.values().map(|media| media.content.len()).sum();
    if kept + request.file.len() > MOST {
        return Err(forbidden("There is no room for more media"));
    }
    let id = accounts::secret(24);
    let uri = format!("mxc://{}/{id}", world.options.server_name);
    let media = Media { content: request.file, content_type: request.content_type, file_name: request.filename };
    world.media.insert(id, media);
    Ok(create_content::v3::Response::new(uri.into()))
}

/// The path says server and media.
fn download(world: &World, request: &Plain) -> Answer<Response> {
    let [server, id] = request.path.as_slice() else { return Err(not_found("There is no such media")) };
    let media = world.media.get(id).filter(|_| world.options.server_name == server.as_str());
    let media = media.ok_or_else(|| not_found("There is no such media"))?;
    let kind = media.content_type.as_deref().unwrap_or("application/octet-stream");
    let disposition =
        ContentDisposition::new(ContentDispositionType::Attachment).with_filename(media.file_name.clone());
    respond(get_content::v1::Response::new(media.content.clone(), kind.to_owned(), disposition))
}
