//! docs/sources: each page's declaration and the request of its product fit each other.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const PAGES: [&str; 9] = [
    "calendly",
    "elementor",
    "facebook",
    "github",
    "google-ads",
    "make",
    "typeform",
    "webflow",
    "zapier",
];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn page(name: &str) -> String {
    fs::read_to_string(docs().join(format!("sources/{name}.md"))).unwrap()
}

/// The only block of JSON in a page.
#[track_caller]
fn declaration(name: &str) -> Value {
    let page = page(name);
    let mut blocks = page.split("```json\n").skip(1);
    let block = blocks.next().unwrap().split("```").next().unwrap();
    assert!(blocks.next().is_none(), "{name}: two declarations");
    serde_json::from_str(block).unwrap()
}

fn fixture(name: &str, kind: &str) -> String {
    let path = docs().join(format!("sources/fixtures/{name}.{kind}"));
    fs::read_to_string(path).unwrap()
}

/// The names of the files of these kinds in a folder, without their endings.
fn names(folder: &str, kinds: &[&str]) -> Vec<String> {
    let entries = fs::read_dir(docs().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let has_kind = |path: &PathBuf| {
        kinds
            .iter()
            .any(|kind| path.extension().unwrap_or_default() == *kind)
    };
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<_> = paths.filter(has_kind).map(stem).collect();
    names.sort();
    names
}

#[test]
fn every_page_has_a_fixture_and_a_link_and_nothing_else_is_there() {
    assert_eq!(names("sources", &["md"]), PAGES);
    assert_eq!(names("sources/fixtures", &["json", "txt"]), PAGES);
    let overview = fs::read_to_string(docs().join("SOURCES.md")).unwrap();
    for name in PAGES {
        let link = format!("(sources/{name}.md)");
        assert!(overview.contains(&link), "docs/SOURCES.md lacks {link}");
        let lines = page(name).lines().count();
        assert!(lines < 60, "{name} has {lines} lines");
    }
}

#[test]
fn every_declaration_is_a_custom_source_of_its_pages_name() {
    for name in PAGES {
        let declaration = declaration(name);
        let names: Vec<_> = declaration.as_object().unwrap().keys().collect();
        assert_eq!(names, [name]);
        assert_eq!(declaration[name]["kind"], "custom");
    }
}

#[test]
fn every_field_that_a_page_maps_is_in_its_products_request() {
    for name in PAGES {
        let source = &declaration(name)[name];
        let fields = source["fields"].as_object().unwrap();
        for (field, paths) in fields {
            let one = std::slice::from_ref(paths);
            let mut paths = paths
                .as_array()
                .map_or(one, Vec::as_slice)
                .iter()
                .map(|path| path.as_str().unwrap());
            let is_found = if source["format"] == "form" {
                let form = fixture(name, "txt");
                paths.any(|path| {
                    form.split('&')
                        .any(|pair| pair.split('=').next() == path.strip_prefix('/'))
                })
            } else {
                let body: Value = serde_json::from_str(&fixture(name, "json")).unwrap();
                let each = source["each"]
                    .as_str()
                    .map(|each| body.pointer(each).unwrap()[0].clone());
                let element = each.unwrap_or(body);
                paths.any(|path| element.pointer(path).is_some_and(|value| !value.is_null()))
            };
            assert!(is_found, "{name}: {field}");
        }
    }
}
