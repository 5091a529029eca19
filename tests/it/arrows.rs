//! Which source file uses which: a parser of `use` trees and of paths, enough of Rust to check the house rules.
//!
//! An arrow leads from a file to another that it names: in a `use`, by a path within an expression or a type, or by a method
//! that it calls on `self` and that one other file of the same room defines. A name that a `mod.rs` re-exports leads to the
//! file that defines it. Comments, literals and `#[cfg(test)]` items do not count.

use std::collections::{BTreeMap, BTreeSet};

/// An arrow: from a file to a file, both named as below `src`, without `.rs`.
pub type Arrow = (String, String);

/// A name that a `use` brings into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Import {
    /// The path as it is written, such as `super`, `list`, `Part`.
    path: Vec<String>,
    /// The name in the file; `*` for all of a module.
    name: String,
    public: bool,
}

/// A file of the tree.
#[derive(Debug, Default)]
struct File {
    /// Its name below `src`, without `.rs`: `harvest/mod`.
    name: String,
    /// Its module: `harvest`.
    module: Vec<String>,
    imports: Vec<Import>,
    paths: Vec<Vec<String>>,
    /// Types, functions and the like.
    defined: BTreeSet<String>,
    /// The functions and methods among these.
    functions: BTreeSet<String>,
    /// Methods that it calls on `self`.
    called: BTreeSet<String>,
}

/// The arrows between files: `(name below src without .rs, text)`.
pub fn arrows(files: &[(String, String)]) -> BTreeSet<Arrow> {
    let tree = Tree::new(files);
    let mut found = BTreeSet::new();
    for file in &tree.files {
        for import in &file.imports {
            let Some(target) = tree.resolve(&tree.absolute(file, &import.path)) else { continue };
            let reexport = import.public && is_root(file) && target.module.starts_with(&file.module);
            if !reexport {
                found.insert((file.name.clone(), target.name.clone()));
            }
        }
        for path in &file.paths {
            found.extend(tree.resolve(&tree.absolute(file, path)).map(|target| (file.name.clone(), target.name.clone())));
        }
        for method in file.called.difference(&file.functions) {
            let mut definers =
                tree.files.iter().filter(|other| room(&other.name) == room(&file.name) && other.functions.contains(method));
            if let (Some(only), None) = (definers.next(), definers.next()) {
                found.insert((file.name.clone(), only.name.clone()));
            }
        }
    }
    found.retain(|(from, to)| from != to);
    found
}

/// The room of a file: the first part of its name.
pub fn room(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

/// A circle among arrows, if there is one: each file and the next one that it uses.
pub fn circle(arrows: &BTreeSet<Arrow>) -> Option<Vec<String>> {
    let from: BTreeSet<&String> = arrows.iter().map(|(from, _)| from).collect();
    from.into_iter().find_map(|start| way(arrows, start, start))
}

/// The shortest way along arrows, with both of its ends.
fn way(arrows: &BTreeSet<Arrow>, start: &str, end: &str) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for (_, to) in arrows.iter().filter(|(from, _)| Some(from) == way.last()) {
                let next = [&way[..], std::slice::from_ref(to)].concat();
                if to == end {
                    return Some(next);
                }
                if seen.insert(to.clone()) {
                    longer.push(next);
                }
            }
        }
        ways = longer;
    }
    None
}

fn is_root(file: &File) -> bool {
    file.name.ends_with("/mod") || file.name == "lib"
}

struct Tree {
    files: Vec<File>,
    modules: BTreeMap<Vec<String>, usize>,
}

impl Tree {
    fn new(files: &[(String, String)]) -> Self {
        let files: Vec<File> = files.iter().map(|(name, text)| File::read(name, text)).collect();
        let modules = files.iter().enumerate().map(|(index, file)| (file.module.clone(), index)).collect();
        Self { files, modules }
    }

    /// A path from the root of the crate; one that leads out of the crate is empty.
    fn absolute(&self, file: &File, path: &[String]) -> Vec<String> {
        let mut module = file.module.clone();
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate") => (module, rest) = (Vec::new(), &path[1..]),
            Some("self" | "super") => {
                while let Some(first @ ("self" | "super")) = rest.first().map(String::as_str) {
                    if first == "super" {
                        module.pop();
                    }
                    rest = &rest[1..];
                }
            }
            Some(name) => {
                let inner = [&module[..], &[name.to_owned()]].concat();
                let import = file.imports.iter().find(|import| import.name == name && import.path != path);
                if let Some(import) = import {
                    let absolute = self.absolute(file, &import.path);
                    return if absolute.is_empty() { absolute } else { [&absolute[..], &path[1..]].concat() };
                }
                if !self.modules.contains_key(&inner) {
                    return Vec::new();
                }
            }
            None => {}
        }
        [&module[..], rest].concat()
    }

    /// The file that defines what a path from the root names.
    fn resolve(&self, path: &[String]) -> Option<&File> {
        self.resolve_within(path, 16)
    }

    fn resolve_within(&self, path: &[String], depth: usize) -> Option<&File> {
        if path.is_empty() {
            return None;
        }
        let length = (0..=path.len()).rev().find(|length| self.modules.contains_key(&path[..*length]))?;
        let file = &self.files[self.modules[&path[..length]]];
        let Some(name) = path.get(length).filter(|name| !file.defined.contains(*name)) else { return Some(file) };
        if depth > 0 {
            let through = |import: &Import, rest: &[String]| {
                let absolute = self.absolute(file, &import.path);
                if absolute.is_empty() { None } else { self.resolve_within(&[&absolute[..], rest].concat(), depth - 1) }
            };
            if let Some(import) = file.imports.iter().find(|import| import.name == *name) {
                return through(import, &path[length + 1..]);
            }
            let globs = file.imports.iter().filter(|import| import.name == "*");
            let named = globs.filter_map(|glob| through(glob, &path[length..])).find(|found| found.defined.contains(name));
            if named.is_some() {
                return named;
            }
        }
        Some(file)
    }
}

impl File {
    fn read(name: &str, text: &str) -> Self {
        let mut module: Vec<String> = name.split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
            module.pop();
        }
        let tokens = without_tests(&tokens(text));
        let mut file = Self { name: name.to_owned(), module, ..Self::default() };
        let mut at = 0;
        while at < tokens.len() {
            let before = at.checked_sub(1).map_or("", |before| tokens[before].as_str());
            let next = tokens.get(at + 1).map_or("", String::as_str);
            match tokens[at].as_str() {
                // Who may see a thing, such as `pub(in crate::a)`, is no use of it.
                "pub" if next == "(" => {
                    at = (at..tokens.len()).find(|at| tokens[*at] == ")").unwrap_or(tokens.len());
                    continue;
                }
                "use" if next != "<" => {
                    at = tree(&tokens, at + 1, &[], matches!(before, "pub" | ")"), &mut file.imports);
                    continue;
                }
                "struct" | "enum" | "fn" | "trait" | "type" | "const" | "static" | "mod" if is_name(next) => {
                    file.defined.insert(next.to_owned());
                    if tokens[at] == "fn" {
                        file.functions.insert(next.to_owned());
                    }
                }
                "." if before == "self" && is_name(next) && tokens.get(at + 2).is_some_and(|token| token == "(") => {
                    file.called.insert(next.to_owned());
                }
                first if is_name(first) && next == "::" && before != "::" => {
                    let mut path = vec![first.to_owned()];
                    while tokens.get(at + 1).is_some_and(|token| token == "::")
                        && tokens.get(at + 2).is_some_and(|name| is_name(name))
                    {
                        path.push(tokens[at + 2].clone());
                        at += 2;
                    }
                    file.paths.push(path);
                }
                _ => {}
            }
            at += 1;
        }
        file
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads one tree of a `use`, from `at` on; answers where it ends.
fn tree(tokens: &[String], mut at: usize, before: &[String], public: bool, found: &mut Vec<Import>) -> usize {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "::" => {}
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = tree(tokens, at, &path, public, found);
                    at += usize::from(tokens.get(at).is_some_and(|token| token == ","));
                }
                return at + 1;
            }
            "as" => {
                let name = tokens.get(at + 1).cloned().unwrap_or_default();
                found.push(Import { path, name, public });
                return at + 2;
            }
            "*" => {
                found.push(Import { path, name: "*".into(), public });
                return at + 1;
            }
            // The module of a group by itself.
            "self" if path.len() == before.len() && !before.is_empty() => {}
            name if is_name(name) => path.push(name.to_owned()),
            _ => break,
        }
        at += 1;
    }
    let name = path.last().cloned().unwrap_or_default();
    found.push(Import { path, name, public });
    at
}

/// The names and signs of a source text; `::` is one sign. Comments, literals and lifetimes are left out.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    let sign = |at: usize| chars.get(at).copied().unwrap_or('\0');
    while at < chars.len() {
        match (chars[at], sign(at + 1)) {
            ('/', '/') => at = (at..chars.len()).find(|at| chars[*at] == '\n').unwrap_or(chars.len()),
            ('/', '*') => {
                let mut depth = 0;
                loop {
                    match (sign(at), sign(at + 1)) {
                        ('/', '*') => (depth, at) = (depth + 1, at + 2),
                        ('*', '/') => (depth, at) = (depth - 1, at + 2),
                        _ => at += 1,
                    }
                    if depth == 0 || at >= chars.len() {
                        break;
                    }
                }
            }
            ('"', _) => at = end_of_text(&chars, at),
            ('\'', '\\') => at = (at + 3..chars.len()).find(|at| chars[*at] == '\'').map_or(chars.len(), |end| end + 1),
            ('\'', _) if sign(at + 2) == '\'' => at += 3,
            // A lifetime.
            ('\'', _) => at += 1 + name_length(&chars[at + 1..]),
            (':', ':') => {
                found.push("::".to_owned());
                at += 2;
            }
            (c, _) if c.is_alphanumeric() || c == '_' => {
                let name: String = chars[at..at + name_length(&chars[at..])].iter().collect();
                at += name.chars().count();
                match (name.as_str(), sign(at)) {
                    ("r" | "br" | "cr", '"' | '#') => at = end_of_raw(&chars, at),
                    ("b" | "c", '"') => at = end_of_text(&chars, at),
                    _ => found.push(name),
                }
            }
            (c, _) => {
                if !c.is_whitespace() {
                    found.push(c.to_string());
                }
                at += 1;
            }
        }
    }
    found
}

fn name_length(chars: &[char]) -> usize {
    chars.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count()
}

fn end_of_text(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn end_of_raw(chars: &[char], start: usize) -> usize {
    let fence = chars[start..].iter().take_while(|c| **c == '#').count();
    let closes = |at: &usize| chars[*at] == '"' && chars[at + 1..].iter().take(fence).filter(|c| **c == '#').count() == fence;
    (start + fence + 1..chars.len()).find(closes).map_or(chars.len(), |end| end + 1 + fence)
}

/// The tokens without the items below `#[cfg(test)]`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let (mut kept, mut at) = (Vec::new(), 0);
    let mark = ["#", "[", "cfg", "(", "test", ")", "]"];
    while at < tokens.len() {
        if !tokens[at..].iter().take(mark.len()).eq(mark.iter()) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let mut depth = 0;
        at += mark.len();
        while at < tokens.len() {
            match tokens[at].as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 && matches!(tokens[at - 1].as_str(), "}" | ";") {
                break;
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        arrows(&files).into_iter().map(|(from, to)| format!("{from} -> {to}")).collect()
    }

    #[test]
    fn groups_lines_super_and_self_are_followed() {
        let one = "use crate::{b, c::{self, deep::{Deep as D}},\n  d::*};\nuse super::e;";
        let files =
            [("a/x", one), ("b", ""), ("c/mod", ""), ("c/deep", "pub struct Deep;"), ("d", ""), ("a/e", ""), ("a/mod", "")];
        assert_eq!(of(&files), ["a/x -> a/e", "a/x -> b", "a/x -> c/deep", "a/x -> c/mod", "a/x -> d"]);
        assert_eq!(of(&[("a/mod", "use self::x::X;"), ("a/x", "struct X;")]), ["a/mod -> a/x"]);
        assert_eq!(
            of(&[("a/mod", "fn f() { x::go() }"), ("a/x", "use super::super::b::B;"), ("b", "")]),
            ["a/mod -> a/x", "a/x -> b"]
        );
    }

    #[test]
    fn paths_within_code_are_arrows() {
        let text = "fn f(x: &'a crate::b::B) -> super::c::C { crate::d::g::<u8>() } use crate::e; fn h() { e::i() }";
        let files = [("a", text), ("b", ""), ("c", ""), ("d", ""), ("e", "")];
        assert_eq!(of(&files), ["a -> b", "a -> c", "a -> d", "a -> e"]);
        assert_eq!(
            of(&[("a", "pub(in crate::b) struct A { pub(in crate::b) x: crate::c::C }"), ("b", ""), ("c", "")]),
            ["a -> c"]
        );
    }

    #[test]
    fn a_name_that_a_room_re_exports_leads_to_the_file_that_defines_it() {
        let root = "mod x; mod y; pub use x::X; pub(crate) use y::*; pub struct Own;";
        let files = [("a/mod", root), ("a/x", "use super::Y;"), ("a/y", "pub enum Y {}"), ("b", "use crate::a::{Own, X, Y};")];
        assert_eq!(of(&files), ["a/x -> a/y", "b -> a/mod", "b -> a/x", "b -> a/y"]);
        // What a room's own file uses of its children for itself is an arrow.
        assert_eq!(of(&[("a/mod", "use x::X;"), ("a/x", "use super::Z;")]), ["a/mod -> a/x", "a/x -> a/mod"]);
    }

    #[test]
    fn methods_on_self_lead_to_the_only_file_of_the_room_that_has_them() {
        let files = [
            ("a/x", "fn f(&self) { self.g(); self.h(); self.k.g2() }"),
            ("a/y", "fn g() {} fn h() {}"),
            ("a/z", "fn h() {}"),
            ("b", "fn g() {}"),
        ];
        assert_eq!(of(&files), ["a/x -> a/y"]);
    }

    #[test]
    fn comments_literals_and_tests_do_not_count() {
        let text = "// crate::b::B\n/* crate::b /* crate::b */ crate::b */ const S: &str = \"crate::b \\\" crate::b\"; const R: &str = r#\"crate::b \" crate::b\"#;
            const C: char = '\"'; const E: char = '\\''; fn f<'a>() {} #[cfg(test)] pub use crate::b::B; #[cfg(test)] mod tests { use crate::b; fn f() {} } use crate::c;";
        assert_eq!(of(&[("a", text), ("b", ""), ("c", "")]), ["a -> c"]);
    }

    #[test]
    fn circles_are_found_and_lines_are_none() {
        let arrows = |all: &[(&str, &str)]| all.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        assert_eq!(circle(&arrows(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
        assert_eq!(
            circle(&arrows(&[("x", "a"), ("a", "b"), ("b", "c"), ("c", "a")])),
            Some(["a", "b", "c", "a"].map(str::to_owned).to_vec())
        );
    }
}
