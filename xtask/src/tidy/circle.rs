//! No circle between the modules of a crate: files that need each other in a ring can only be understood, and changed, together. Siblings
//! are compared, each with all that is below it; that a parent and its child name each other is Rust's ordinary shape.

use super::workspace::{Member, SourceFile};
use crate::shell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The modules of a crate by their paths, such as `crate::a::b`, with their text without comments and tests.
type Modules = BTreeMap<String, String>;
/// What each module brings into scope: a name, and the path that it stands for.
type Imports = BTreeMap<String, BTreeMap<String, String>>;

const TEST: &str = "#[cfg(test)]";
/// So many re-exports are followed.
const HOPS_MAX: usize = 8;

/// Every circle.
pub(crate) fn breaches(members: &[Member], files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for member in members {
        let folder = member.folder().join("src");
        let ours = files.iter().filter_map(|file| {
            let path = shell::root().join(&file.path);
            let path = path.strip_prefix(&folder).ok()?.to_str()?;
            Some((path.strip_suffix(".rs")?.to_owned(), file.text.as_str()))
        });
        let circles = circles(&modules(ours)).into_iter();
        found.extend(circles.map(|circle| format!("{}: a circle, {circle}", member.name)));
    }
    found
}

/// Reads the modules of a crate. Files of tests and further binaries are left out.
fn modules<'a>(files: impl Iterator<Item = (String, &'a str)>) -> Modules {
    let mut modules = Modules::new();
    let mut tests = Vec::new();
    for (file, text) in files {
        let mut path: Vec<&str> = std::iter::once("crate").chain(file.split('/')).collect();
        path.pop_if(|last| ["lib", "main", "mod"].contains(last));
        let path = path.join("::");
        let lines = text.lines().filter_map(|line| line.split("//").next());
        let text = lines.collect::<Vec<_>>().join("\n");
        let mut parts = text.split(TEST);
        let mut production = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            // Up to the first of these it is the test's: `use a;`, `mod a;`, `mod tests { … }` at the end of the file.
            let end = part.find([';', '{']).unwrap_or(part.len());
            let (item, rest) = part.split_at(end);
            if let Some((_, name)) = item.split_once("mod ") {
                tests.push(format!("{path}::{}", name.trim()));
            }
            if rest.starts_with(';') || !item.contains("mod ") {
                production.push_str(rest);
            }
        }
        modules.insert(path, production);
    }
    modules.retain(|path, _| {
        let below = |above: &String| path == above || path.starts_with(&format!("{above}::"));
        !below(&"crate::bin".to_owned()) && !tests.iter().any(below)
    });
    modules
}

/// The circles, each as its shortest way round.
fn circles(modules: &Modules) -> Vec<String> {
    let graph = siblings(modules);
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for start in graph.keys() {
        if seen.contains(start) {
            continue;
        }
        if let Some(way) = way_back(&graph, start) {
            found.push(way.join(" → "));
            seen.extend(way);
        }
    }
    found
}

/// The shortest way from a module back to itself.
fn way_back(graph: &BTreeMap<String, BTreeSet<String>>, start: &String) -> Option<Vec<String>> {
    let mut ways = VecDeque::from([vec![start.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in way
            .last()
            .and_then(|last| graph.get(last))
            .into_iter()
            .flatten()
        {
            let further = || way.iter().chain([next]).cloned().collect();
            if next == start {
                return Some(further());
            }
            if seen.insert(next) {
                ways.push_back(further());
            }
        }
    }
    None
}

/// Which sibling needs which: a module, or anything below it, names the other, or anything below that.
fn siblings(modules: &Modules) -> BTreeMap<String, BTreeSet<String>> {
    let mut imports = Imports::new();
    let mut named: Vec<(&String, String)> = Vec::new();
    for (module, text) in modules {
        for (name, path) in used(text) {
            if let Some(path) = absolute(modules, module, &path) {
                named.push((module, path.clone()));
                imports
                    .entry(module.clone())
                    .or_default()
                    .insert(name, path);
            }
        }
        let inline = inline(text).filter_map(|path| absolute(modules, module, path));
        named.extend(inline.map(|path| (module, path)));
    }
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, path) in named {
        let to = resolve(modules, &imports, &path);
        let (from, to): (Vec<_>, Vec<_>) = (from.split("::").collect(), to.split("::").collect());
        let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        if let (Some(one), Some(other)) = (from.get(..=common), to.get(..=common)) {
            let others = graph.entry(one.join("::")).or_default();
            others.insert(other.join("::"));
        }
    }
    graph
}

/// The names that the `use`s of a text bring into scope, and their paths.
fn used(text: &str) -> Vec<(String, String)> {
    let statements = text.split(';').filter_map(|statement| {
        let (before, tree) = statement.rsplit_once("use ")?;
        let last = before.rsplit(['\n', '}']).next()?.trim();
        (last.is_empty() || last.starts_with("pub")).then_some(tree)
    });
    let names = statements.flat_map(expand).map(|path| {
        if let Some((path, name)) = path.split_once('=') {
            return (name.to_owned(), path.to_owned());
        }
        let path = path.trim_end_matches("::self").trim_end_matches("::*");
        let name = path.rsplit("::").next().unwrap_or_default();
        (name.to_owned(), path.to_owned())
    });
    names.collect()
}

/// The paths of a tree such as `a::{b, c::{d as e}}`: `a::b` and `a::c::d=e`.
fn expand(tree: &str) -> Vec<String> {
    let (mut paths, mut before, mut path) = (Vec::new(), Vec::new(), String::new());
    let tree = tree.replace(" as ", "=");
    for c in tree.chars().filter(|c| !c.is_whitespace()).chain([',']) {
        match c {
            '{' => before.push(path.clone()),
            ',' | '}' => {
                paths.push(path);
                if c == '}' {
                    before.pop();
                }
                path = before.last().cloned().unwrap_or_default();
            }
            _ => path.push(c),
        }
    }
    paths
}

/// The paths in a text that begin with `crate`, `super` or `self`.
fn inline(text: &str) -> impl Iterator<Item = &str> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let paths = text.split(move |c| !is_path(c));
    paths.filter(|path| path.contains("::"))
}

/// A path from the root of the crate, if it is one within the crate.
fn absolute(modules: &Modules, module: &str, path: &str) -> Option<String> {
    let mut above = module.to_owned();
    let mut rest = path;
    if let Some(inner) = rest.strip_prefix("crate::") {
        return Some(format!("crate::{inner}"));
    }
    rest = rest.strip_prefix("self::").unwrap_or(rest);
    while let Some(inner) = rest.strip_prefix("super::") {
        above = above.rsplit_once("::")?.0.to_owned();
        rest = inner;
    }
    let child = format!("{above}::{}", rest.split("::").next()?);
    let within = rest.len() < path.len() || modules.contains_key(&child);
    within.then(|| format!("{above}::{rest}"))
}

/// The module in which lies what a path names, re-exports followed.
fn resolve(modules: &Modules, imports: &Imports, path: &str) -> String {
    let mut path = path.to_owned();
    for _ in 0..HOPS_MAX {
        let module = innermost(modules, &path);
        let rest = path.strip_prefix(module).unwrap_or_default();
        let name = rest.split("::").nth(1).unwrap_or_default();
        match imports.get(module).and_then(|names| names.get(name)) {
            Some(import) if *import != path => {
                let after = rest.get("::".len() + name.len()..).unwrap_or_default();
                path = format!("{import}{after}");
            }
            _ => break,
        }
    }
    innermost(modules, &path).to_owned()
}

/// The innermost module on a path.
fn innermost<'a>(modules: &Modules, path: &'a str) -> &'a str {
    let mut module = path;
    while !modules.contains_key(module) {
        let Some((outer, _)) = module.rsplit_once("::") else {
            break;
        };
        module = outer;
    }
    module
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files, each after its path, and the circle that there must be.
    #[track_caller]
    fn check(files: &[&str], expected: &str) {
        let files = files.iter().filter_map(|file| file.split_once(": "));
        let files = files.map(|(path, text)| (path.to_owned(), text));
        assert_eq!(circles(&modules(files)).join(", "), expected);
    }

    #[test]
    fn files_that_need_each_other_are_a_circle() {
        let pair = ["a: use crate::b::B;", "b: fn f(a: &crate::a::A) {}"];
        check(&pair, "crate::a → crate::b → crate::a");
        let line = ["a: use crate::b::B;", "b: use crate::c::{C, d};", "c: "];
        check(&line, "");
        let ring = [
            "a: use super::b;",
            "b: use crate::{c, d::D};",
            "c: ",
            "d: use super::a as x;",
        ];
        check(&ring, "crate::a → crate::b → crate::d → crate::a");
    }

    #[test]
    fn a_module_stands_for_all_below_it() {
        let files = [
            "a/mod: mod x;",
            "a/x: use crate::b;",
            "b/y: use crate::a::x::X;",
            "b: mod y;",
        ];
        check(&files, "crate::a → crate::b → crate::a");
    }

    #[test]
    fn a_parent_and_its_child_are_none() {
        let root = "lib: mod a;\nuse a::A;\nstruct B;";
        check(&[root, "a: use crate::B;\nuse super::a;"], "");
        check(&["a: mod b;\npub use b::B;", "a/b: use super::C;"], "");
    }

    #[test]
    fn a_re_export_is_followed() {
        let root = "lib: mod a;\nmod b;\npub use b::{B as C, D};";
        let files = [root, "a: use crate::C;", "b: use crate::a::A;"];
        check(&files, "crate::a → crate::b → crate::a");
        let root = "lib: pub use b::B;";
        check(&[root, "a: use crate::Other;", "b: use crate::a::A;"], "");
    }

    #[test]
    fn tests_comments_and_other_crates_do_not_count() {
        let needs_b = "a: use crate::b;";
        let test = "b: // use crate::a;\n#[cfg(test)]\nmod tests { use crate::a; }";
        check(&[needs_b, test], "");
        let import = "b: #[cfg(test)]\nuse crate::a;\nuse serde::a;";
        check(&[needs_b, import], "");
        let file = "b: #[cfg(test)]\nmod t;";
        check(&[needs_b, file, "b/t: use crate::a;"], "");
    }
}
