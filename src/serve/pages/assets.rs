//! The style sheet, the scripts and the icon, which are compiled in. Their addresses change with their content, so that
//! browsers may cache them; except `/favicon.ico`, whose address browsers know.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;

use crate::serve::problem::Problem;

/// A file of the pages.
pub struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static [u8],
    version: LazyLock<String>,
}

macro_rules! asset {
    ($name:literal, $media_type:literal) => {
        Asset {
            name: $name,
            media_type: $media_type,
            content: include_bytes!(concat!("assets/", $name)),
            version: LazyLock::new(|| blake3::hash(include_bytes!(concat!("assets/", $name))).to_hex()[..12].to_owned()),
        }
    };
}

/// The style sheet.
pub static STYLE: Asset = asset!("style.css", "text/css; charset=utf-8");
/// The scripts of the SPARQL page, in their order: the last of them uses the others.
pub static SPARQL: [Asset; 6] = [
    asset!("sparql-text.js", "text/javascript; charset=utf-8"),
    asset!("sparql-editor.js", "text/javascript; charset=utf-8"),
    asset!("sparql-completion.js", "text/javascript; charset=utf-8"),
    asset!("sparql-chart.js", "text/javascript; charset=utf-8"),
    asset!("sparql-results.js", "text/javascript; charset=utf-8"),
    asset!("sparql.js", "text/javascript; charset=utf-8"),
];
/// The script of the search field.
pub static SUGGEST: Asset = asset!("suggest.js", "text/javascript; charset=utf-8");
/// The icon.
pub static ICON: Asset = asset!("icon.svg", "image/svg+xml");
/// The icon in 16 and 32 pixels, for `/favicon.ico`.
static FAVICON: Asset = asset!("favicon.ico", "image/x-icon");

impl Asset {
    /// Returns its address.
    #[must_use]
    pub fn address(&self, base: &str) -> String {
        format!("{base}/assets/{}?v={}", self.name, *self.version)
    }

    fn response(&self, keep: &'static str) -> Response {
        let mut response = Response::new(Body::from(self.content));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(keep));
        response
    }
}

/// `/assets/<name>`
pub async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let found = [&STYLE, &SUGGEST, &ICON].into_iter().chain(&SPARQL).find(|asset| asset.name == name);
    let asset = found.ok_or_else(|| Problem::not_found("there is no such file"))?;
    Ok(asset.response("public, max-age=31536000, immutable"))
}

/// `/favicon.ico`
pub async fn favicon() -> Response {
    FAVICON.response("public, max-age=86400")
}
