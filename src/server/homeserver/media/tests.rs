//! Media: what comes out is what went in, under its name, and there is room for so much.

use axum::body::to_bytes;
use futures_util::FutureExt;
use serde_json::json;

use super::{super::testing::*, *};

fn upload_text(world: &mut World, caller: &Caller, name: &str, text: &str) -> Answer<String> {
    let http = axum::http::Request::builder().method("POST").uri(format!("/?filename={name}"));
    let http = http.header("content-type", "text/plain").body(text.as_bytes().to_vec()).unwrap();
    let request = ruma::api::IncomingRequest::try_from_http_request(http, &[""; 0]).unwrap();
    let answer = upload(world, caller.clone(), request)?;
    Ok(answer.content_uri.as_str().to_owned())
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

#[test]
fn what_was_uploaded_is_given_out_with_type_and_name() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let uri = upload_text(&mut world, &ada, "caf%C3%A9%0Amenu.txt", "tea").unwrap();
    let (server, id) = uri.strip_prefix("mxc://").unwrap().split_once('/').unwrap();
    let got = download(&world, &plain(&ada, &[server, id], "")).unwrap();
    assert_eq!(header(&got, "content-type"), "text/plain");
    let disposition = header(&got, "content-disposition");
    assert!(disposition.starts_with("attachment; filename") && disposition.contains("caf%C3%A9"), "{disposition}");
    assert_eq!(to_bytes(got.into_body(), 9).now_or_never().unwrap().unwrap(), "tea");

    for path in [["localhost", "nothing"], ["elsewhere", id]] {
        let refused = download(&world, &plain(&ada, &path, ""));
        assert_eq!(refusal(refused), (404, "M_NOT_FOUND".to_owned()), "{path:?}");
    }
}

#[test]
fn there_is_room_for_so_much_and_no_more() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let size = body(config(&mut world, ada.clone(), request(&[], "", json!({}))));
    assert_eq!(size, json!({ "m.upload.size": LARGEST_BODY }));
    let full = Media { content: vec![0; MOST - 3], content_type: None, file_name: None };
    world.media.insert("full".to_owned(), full);
    assert_eq!(refusal(upload_text(&mut world, &ada, "a", "four")), (403, "M_FORBIDDEN".to_owned()));
    upload_text(&mut world, &ada, "a", "tea").unwrap();
}
