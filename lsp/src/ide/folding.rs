//! Folding: what spans several lines and can be shown as one.

use eval::db::{self, Db, File};
use syntax::{SyntaxKind, TextRange};

/// Something that can be folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Its first and last line, from 0.
    pub lines: (u32, u32),
    /// Whether it is a comment.
    pub is_comment: bool,
}

/// Returns what can be folded, in the order of the lines, one thing for each first line.
pub fn folds(db: &dyn Db, file: File) -> Vec<Fold> {
    let tree = db::tree(db, file);
    let lines = db::line_index(db, file);
    let mut folds: Vec<Fold> = Vec::new();
    let mut add = |range: TextRange, keeps_last: bool, is_comment: bool| {
        let (first, last) = (lines.line(range.start()), lines.line(range.end()));
        // The line of the closing bracket stays.
        let last = if keeps_last { last.saturating_sub(1) } else { last };
        if last > first {
            folds.push(Fold { lines: (first, last), is_comment });
        }
    };
    for node in tree.root().descendants() {
        match node.kind() {
            SyntaxKind::AttrSet
            | SyntaxKind::LegacyLet
            | SyntaxKind::List
            | SyntaxKind::Paren
            | SyntaxKind::Formals
            | SyntaxKind::String => add(node.range(), true, false),
            SyntaxKind::LetIn => {
                let end = node.token(SyntaxKind::In).map_or(node.end(), |it| it.start());
                add(TextRange::new(node.start().into(), end.into()), true, false);
            }
            SyntaxKind::InheritClause => add(node.range(), false, false),
            _ => {}
        }
    }
    for range in comments(tree) {
        add(range, false, true);
    }
    folds.sort_by_key(|fold| (fold.lines.0, std::cmp::Reverse(fold.lines.1)));
    folds.dedup_by_key(|fold| fold.lines.0);
    folds
}

/// Returns the comments, those of lines after another as one.
fn comments(tree: &syntax::FlatTree<'_>) -> Vec<TextRange> {
    let mut found = Vec::new();
    let mut from = 0;
    let end = tree.source().len() as u32;
    let tokens = (0..tree.token_count()).filter_map(|index| tree.token(index));
    let gaps = tokens.map(|token| (token.start(), token.end())).chain([(end, end)]);
    for (start, next) in gaps {
        if start > from + 1 {
            let gap = TextRange::new(from.into(), start.into());
            comments_in(tree.text(gap), from, &mut found);
        }
        from = next;
    }
    found
}

fn comments_in(trivia: &[u8], start: u32, found: &mut Vec<TextRange>) {
    let mut at = 0;
    let mut block: Option<(usize, usize)> = None;
    let mut push = |block: &mut Option<(usize, usize)>| {
        if let Some((from, to)) = block.take() {
            found.push(TextRange::new((start + from as u32).into(), (start + to as u32).into()));
        }
    };
    while let Some(rest) = trivia.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(b"#") {
            let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
            let first = block.map_or(at, |(from, _)| from);
            block = Some((first, at + end));
            at += end + 1;
        } else if rest.starts_with(b"/*") {
            push(&mut block);
            let end = rest.windows(2).skip(2).position(|pair| pair == b"*/");
            let end = end.map_or(rest.len(), |end| end + 4);
            block = Some((at, at + end));
            push(&mut block);
            at += end;
        } else {
            if rest.starts_with(b"\n") {
                push(&mut block);
            }
            at += 1;
        }
    }
    push(&mut block);
}
