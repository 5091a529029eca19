//! A page of what is found, as a `PartialCollectionView` of Hydra, the way Libris has it. Pure.

use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::asked::Asked;
use crate::rdf::vocab::KBV;

/// The address of another page of the same list.
fn page(path: &str, pairs: &[(String, String)], asked: &Asked, offset: usize) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs.iter().filter(|(name, _)| !matches!(name.as_str(), "_offset" | "_limit")) {
        query.append_pair(name, value);
    }
    query.append_pair("_limit", &asked.limit.to_string());
    if offset > 0 {
        query.append_pair("_offset", &offset.to_string());
    }
    format!("{path}?{}", query.finish())
}

/// The page. `total` are all that match, of which the first `reachable` can be paged through.
pub(super) fn view(
    path: &str,
    pairs: &[(String, String)],
    asked: &Asked,
    [total, reachable]: [usize; 2],
    items: Vec<Value>,
) -> Value {
    let Asked { limit, offset, .. } = asked;
    let link = |offset: usize| json!({"@id": page(path, pairs, asked, offset)});
    let mut view = Map::from_iter([
        ("@context".to_owned(), json!({"@vocab": KBV})),
        ("@type".to_owned(), "PartialCollectionView".into()),
        ("@id".to_owned(), page(path, pairs, asked, *offset).into()),
        ("itemOffset".to_owned(), (*offset).into()),
        ("itemsPerPage".to_owned(), (*limit).into()),
        ("totalItems".to_owned(), total.into()),
        ("first".to_owned(), link(0)),
    ]);
    if *limit > 0 {
        view.insert("last".to_owned(), link(reachable.saturating_sub(1) / limit * limit));
        if *offset > 0 {
            view.insert("previous".to_owned(), link(offset.saturating_sub(*limit)));
        }
        if offset.saturating_add(*limit) < reachable {
            view.insert("next".to_owned(), link(offset + limit));
        }
    }
    view.insert("items".to_owned(), items.into());
    Value::Object(view)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_lead_to_one_another() {
        let pairs: Vec<(String, String)> =
            [("q", "å & b"), ("_limit", "10"), ("_offset", "20")].map(|(n, v)| (n.into(), v.into())).to_vec();
        let asked = Asked::read(&pairs).expect("valid");
        let of = |total: usize| view("/find", &pairs, &asked, [total, total], Vec::new());
        let middle = of(35);
        let id = |offset: &str| json!({"@id": format!("/find?q=%C3%A5+%26+b&_limit=10{offset}")});
        assert_eq!(
            (&middle["previous"], &middle["next"], &middle["last"], &middle["first"]),
            (&id("&_offset=10"), &id("&_offset=30"), &id("&_offset=30"), &id(""))
        );
        assert_eq!(of(30)["next"], Value::Null);
        assert_eq!(of(0)["last"], id(""));
    }
}
