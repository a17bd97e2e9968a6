//! `nix-env --query` for people: a line for each package, in columns.

use super::{Known, Listing, name, shown};
use crate::evaluation::Stop;
use crate::roots::Fields;
use eval::interpret::Eval;
use eval::packages::Package;

/// The blanks between two columns.
const GAP: usize = 2;

/// Tells the packages.
pub(super) fn tell<'h>(
    listing: &Listing<'_>,
    eval: &mut Eval<'h>,
    known: &Known<'h>,
) -> Result<(), Stop> {
    let mut rows: Vec<Fields> = Vec::new();
    listing.each(
        eval,
        known,
        |eval, package| {
            // A row without columns is a line nevertheless: the first field only says that.
            let mut fields = vec![Vec::new()];
            fields.extend(row(listing, eval, known, package)?);
            Ok(fields)
        },
        |_, mut fields| {
            if !fields.is_empty() {
                fields.remove(0);
                rows.push(fields);
            }
            Ok(())
        },
    )?;
    Ok(listing.cx.ui.data(aligned(&rows))?)
}

fn row<'h>(
    listing: &Listing<'_>,
    eval: &mut Eval<'h>,
    known: &Known<'h>,
    package: &Package<'h>,
) -> Result<Fields, Stop> {
    let columns = listing.query.columns;
    let mut fields = Fields::new();
    if columns.status {
        let (is_installed, is_valid) = listing.status(eval, known, package)?;
        let installed = if is_installed { 'I' } else { '-' };
        let valid = if is_valid { 'P' } else { '-' };
        fields.push(format!("{installed}{valid}-").into_bytes());
    }
    if columns.attr_path {
        fields.push(package.path.clone().into_bytes());
    }
    if !columns.leaves_out_name {
        fields.push(package.name.clone().into_bytes());
    }
    if columns.compares_versions {
        let comparison = name::compare(&package.name, &known.others);
        fields.push(format!("{} {}", comparison.sign, comparison.version).into_bytes());
    }
    if columns.system {
        fields.push(package.system(eval)?.into_bytes());
    }
    if columns.drv_path {
        let path = package.derivation_path(eval)?;
        let path = path.map_or_else(|| "-".to_owned(), |path| shown(eval, &path));
        fields.push(path.into_bytes());
    }
    if columns.out_path {
        let mut texts = Vec::new();
        for (name, path) in package.outputs(eval, true)? {
            let path = path.map(|path| shown(eval, &path)).unwrap_or_default();
            texts.push(if name == "out" { path } else { format!("{name}={path}") });
        }
        fields.push(texts.join(";").into_bytes());
    }
    if columns.description {
        fields.push(package.description(eval)?);
    }
    Ok(fields)
}

/// Returns rows as lines whose columns begin at the same place.
fn aligned(rows: &[Fields]) -> Vec<u8> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(row.len().max(widths.len()), 0);
        for (width, field) in widths.iter_mut().zip(row) {
            *width = field.len().max(*width);
        }
    }
    let mut text = Vec::new();
    for row in rows {
        for (index, (field, width)) in row.iter().zip(&widths).enumerate() {
            text.extend(field.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
            if index + 1 < row.len() {
                text.resize(text.len() + width - field.len() + GAP, b' ');
            }
        }
        text.push(b'\n');
    }
    text
}
