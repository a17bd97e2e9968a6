//! What tables a text has made so far, and where: a name may be given once.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Finding, Read};

/// The tables of a text, and the one that its header has opened.
#[derive(Default)]
pub(super) struct Tables {
    root: Entries,
    open: Vec<Vec<u8>>,
}

type Entries = BTreeMap<Vec<u8>, Entry>;

/// What a name stands for, and where that was said.
enum Entry {
    Value(Range<usize>),
    Table {
        entries: Entries,
        place: Range<usize>,
        is_explicit: bool,
    },
    /// An array of tables, of which the last one can be added to.
    Tables {
        last: Entries,
        place: Range<usize>,
    },
}

impl Entry {
    fn place(&self) -> Range<usize> {
        let (Entry::Value(place) | Entry::Table { place, .. } | Entry::Tables { place, .. }) = self;
        place.clone()
    }
}

/// Why a walk ended early.
struct Stop(Range<usize>);

/// Returns the table at a path, made where it is missing.
fn walk<'e>(
    mut entries: &'e mut Entries,
    path: &[Vec<u8>],
    place: &Range<usize>,
) -> Result<&'e mut Entries, Stop> {
    for name in path {
        let entry = entries.entry(name.clone()).or_insert_with(|| Entry::Table {
            entries: Entries::new(),
            place: place.clone(),
            is_explicit: false,
        });
        entries = match entry {
            Entry::Value(place) => return Err(Stop(place.clone())),
            Entry::Table { entries, .. } | Entry::Tables { last: entries, .. } => entries,
        };
    }
    Ok(entries)
}

fn clash(what: &str, new: &Range<usize>, words: [&str; 2], old: Range<usize>) -> Finding {
    let message = format!("toml::insert_value: failed to insert {what}");
    let [new_words, old_words] = words.map(str::to_owned);
    let mut finding = Finding::new(message, new.clone(), new_words);
    finding.places.push((old, old_words));
    finding
}

impl Tables {
    /// Takes note of a value.
    ///
    /// # Errors
    ///
    /// A name that is given already.
    pub(super) fn insert(
        &mut self,
        key: &[Vec<u8>],
        place: &Range<usize>,
        value: Range<usize>,
    ) -> Read {
        const WHAT: &str = "a value, value already exists";
        let Some((name, above)) = key.split_last() else { return Ok(()) };
        // The open table is there: its header made it.
        let Ok(entries) = walk(&mut self.root, &self.open, place) else { return Ok(()) };
        let entries = walk(entries, above, place).map_err(|Stop(old)| {
            clash(WHAT, place, ["while inserting this", "non-table value already exists"], old)
        })?;
        match entries.get(name) {
            None => {
                entries.insert(name.clone(), Entry::Value(value));
                Ok(())
            }
            Some(entry) => {
                let words = ["inserting this", "but value already exists"];
                Err(clash(WHAT, place, words, entry.place()))
            }
        }
    }

    /// Opens the table that a header names.
    ///
    /// # Errors
    ///
    /// A name that is given already.
    pub(super) fn open(&mut self, key: &[Vec<u8>], place: Range<usize>, is_array: bool) -> Read {
        let table = "a table, table already defined";
        let table_words = ["inserting this", "this table is explicitly defined"];
        self.open.clear();
        let Some((name, above)) = key.split_last() else { return Ok(()) };
        let entries = walk(&mut self.root, above, &place)
            .map_err(|Stop(old)| clash(table, &place, table_words, old))?;
        let new =
            || Entry::Table { entries: Entries::new(), place: place.clone(), is_explicit: true };
        match entries.get_mut(name) {
            None if is_array => {
                let entry = Entry::Tables { last: Entries::new(), place: place.clone() };
                entries.insert(name.clone(), entry);
            }
            None => {
                entries.insert(name.clone(), new());
            }
            Some(Entry::Tables { last, .. }) if is_array => last.clear(),
            Some(entry) if is_array => {
                let what = "an array of tables, value already exists";
                let words = ["while inserting this", "non-table value already exists"];
                return Err(clash(what, &place, words, entry.place()));
            }
            Some(Entry::Table { is_explicit, .. }) if !*is_explicit => *is_explicit = true,
            Some(entry) => return Err(clash(table, &place, table_words, entry.place())),
        }
        self.open = key.to_vec();
        Ok(())
    }
}
