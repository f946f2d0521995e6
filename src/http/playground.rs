//! The playground's files, built into the binary; and the page that says how, where they were not.

use axum::{
    body::Body,
    http::{Method, StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "playground/dist"]
#[allow_missing = true]
struct Files;

/// What the page may do: run its own scripts, and speak to this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; \
    font-src 'self' data:; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Reelgraph</title>
<style>body{font:16px/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}</style>
<h1>Reelgraph is running</h1>
<p>The API is at <code>/graphql</code>. This server was built without its playground.</p>
<p>To have it: install Node 20 or later, run <code>make playground</code> in the project's folder, and build the server again.</p>
</html>";

/// Serves a file of the playground.
pub async fn serve(method: Method, uri: Uri) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    match Files::get(path) {
        Some(file) => {
            // Names under assets/ change with their content.
            let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
            let kind = match file.metadata.mimetype() {
                "text/html" => "text/html; charset=utf-8",
                other => other,
            };
            Response::builder()
                .header(header::CONTENT_TYPE, kind)
                .header(header::CACHE_CONTROL, cache)
                .header(header::CONTENT_SECURITY_POLICY, POLICY)
                .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
                .body(Body::from(file.data))
                .unwrap_or_default()
        }
        None if path == "index.html" => Html(NOT_BUILT).into_response(),
        None => (StatusCode::NOT_FOUND, "there is nothing here\n").into_response(),
    }
}
