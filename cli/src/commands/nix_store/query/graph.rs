//! Graphs of references, in the languages of Graphviz and of `GraphML`.

use super::info;
use crate::report::Outcome;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use store::{PathInfo, Store, StorePath};

/// The graph of references in the language of Graphviz.
pub(super) fn graph(store: &dyn Store, paths: &[StorePath]) -> Outcome<String> {
    const COLORS: [&str; 6] = ["black", "red", "green", "blue", "magenta", "burlywood"];
    let mut color = COLORS.into_iter().cycle();
    let mut out = String::from("digraph G {\n");
    for info in reached(store, paths)? {
        let path = info.path;
        let base = path.base_name();
        let name = path.name();
        let _ = writeln!(
            out,
            "\"{base}\" [label = \"{name}\", shape = box, style = filled, fillcolor = \"#ff0000\"];"
        );
        for reference in info.references {
            if reference != path {
                let color = color.next().unwrap_or("black");
                let from = reference.base_name();
                let _ = writeln!(out, "\"{from}\" -> \"{base}\" [color = \"{color}\"];");
            }
        }
    }
    out.push_str("}\n");
    Ok(out)
}

/// The graph of references in `GraphML`.
pub(super) fn graph_ml(store: &dyn Store, paths: &[StorePath]) -> Outcome<String> {
    let mut out = String::from(
        "<?xml version='1.0' encoding='utf-8'?>\n\
         <graphml xmlns='http://graphml.graphdrawing.org/xmlns'\n    \
         xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'\n    \
         xsi:schemaLocation='http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd'>\n\
         <key id='narSize' for='node' attr.name='narSize' attr.type='long'/>\
         <key id='name' for='node' attr.name='name' attr.type='string'/>\
         <key id='type' for='node' attr.name='type' attr.type='string'/>\
         <graph id='G' edgedefault='directed'>\n",
    );
    for info in reached(store, paths)? {
        let base = info.path.base_name();
        // As CppNix has it: the name up to its first dash.
        let name = info.path.name();
        let name = name.split_inclusive('-').next().unwrap_or(name);
        let kind = if info.path.is_derivation() { "derivation" } else { "output-path" };
        let _ = write!(
            out,
            "  <node id=\"{base}\">\n    <data key=\"narSize\">{}</data>\n    \
             <data key=\"name\">{name}</data>\n    <data key=\"type\">{kind}</data>\n  </node>\n",
            info.nar_size
        );
        for reference in info.references.iter().filter(|reference| **reference != info.path) {
            let target = reference.base_name();
            let _ = writeln!(out, "  <edge source=\"{base}\" target=\"{target}\"/>");
        }
    }
    out.push_str("</graph>\n</graphml>\n");
    Ok(out)
}

/// Returns everything that the paths reach, in the order in which both graphs list it.
fn reached(store: &dyn Store, paths: &[StorePath]) -> Outcome<Vec<PathInfo>> {
    let mut work: BTreeSet<StorePath> = paths.iter().cloned().collect();
    let mut done = BTreeSet::new();
    let mut infos = Vec::new();
    while let Some(path) = work.pop_first() {
        if done.insert(path.clone()) {
            let info = info(store, &path)?;
            work.extend(info.references.iter().cloned());
            infos.push(info);
        }
    }
    Ok(infos)
}
