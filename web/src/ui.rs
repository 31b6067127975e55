//! The front end, embedded from `web/ui/dist`. Where it was not built, a page says how; the API works all the same.

use http::{HeaderMap, StatusCode, header};
use rust_embed::RustEmbed;
use warp::reply::Response;

#[derive(RustEmbed)]
#[folder = "ui/dist"]
#[allow_missing = true]
struct Dist;

const NOT_BUILT: &str = "<!doctype html><html lang=\"zh\"><meta charset=\"utf-8\"><title>Anlan 安澜</title>\
<body style=\"font:16px/1.6 system-ui;margin:10vh auto;max-width:40em;padding:0 1em\">\
<h1>页面还没有构建</h1><p>接口照常工作：<a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>。构建页面：<code>make build</code>。</p>\
<h1 lang=\"en\">The pages are not built</h1><p lang=\"en\">The API works all the same. Build the pages with <code>make build</code>.</p>";

/// Answers a GET outside the API.
pub fn serve(path: &str, headers: &HeaderMap) -> Response {
    let path = path.trim_start_matches('/');
    let asked = if path.is_empty() { "index.html" } else { path };
    if let Some(file) = Dist::get(asked) {
        return answer(asked, &file, headers);
    }
    // A page of the application: its router reads the path. What looks like a file is not there.
    let last = path.rsplit('/').next().unwrap_or_default();
    if last.contains('.')
        && !asked.starts_with("equipment/")
        && !asked.starts_with("points/")
        && !asked.starts_with("alarms/")
    {
        return text(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "not found");
    }
    match Dist::get("index.html") {
        Some(file) => answer("index.html", &file, headers),
        None => text(StatusCode::OK, "text/html; charset=utf-8", NOT_BUILT),
    }
}

fn text(status: StatusCode, kind: &'static str, body: &'static str) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

fn answer(path: &str, file: &rust_embed::EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", crate::gate::hex(&file.metadata.sha256_hash()[..16]));
    let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    let mut response = if known == Some(tag.as_str()) {
        let mut response = Response::new(Vec::new().into());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(file.data.to_vec().into())
    };
    // Bundled assets carry a hash in their name; everything else is asked for again.
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let set = response.headers_mut();
    set.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind(path)));
    set.insert(header::CACHE_CONTROL, header::HeaderValue::from_static(cache));
    if let Ok(tag) = tag.parse() {
        set.insert(header::ETAG, tag);
    }
    response
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "geojson" => "application/geo+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        _ => "application/octet-stream",
    }
}
