//! Comments that document what comes after them: `/** … */` before a function or a binding.
//!
//! Source: Nix RFC 145. Comments that begin with `/*` count, too, for that is how libraries were
//! documented before.

/// Returns the text of the comment that documents what begins at `offset` of `source`: a binding,
/// or the value of one.
///
/// The indentation that its lines share is taken off.
pub fn before(source: &[u8], offset: u32) -> Option<String> {
    let text = source.get(..offset as usize)?.trim_ascii_end();
    let comment = comment_at_end(text).or_else(|| {
        let name = text.trim_ascii_end();
        let name = name.strip_suffix(b"(").map_or(name, <[u8]>::trim_ascii_end);
        let name = name.strip_suffix(b"=")?;
        comment_at_end(without_path(name).trim_ascii_end())
    })?;
    let text = String::from_utf8_lossy(comment);
    let text = dedent(&text);
    (!text.is_empty()).then_some(text)
}

/// Returns what is in the comment that ends a text.
fn comment_at_end(text: &[u8]) -> Option<&[u8]> {
    let inside = text.strip_suffix(b"*/")?;
    let start = inside.windows(2).rposition(|pair| pair == b"/*")?;
    let inside = inside.get(start + 2..)?;
    Some(inside.strip_prefix(b"*").unwrap_or(inside))
}

/// Returns a text without the attribute path at its end.
fn without_path(text: &[u8]) -> &[u8] {
    let mut text = text.trim_ascii_end();
    loop {
        let rest = match text.strip_suffix(b"\"") {
            Some(quoted) => match quoted.iter().rposition(|&byte| byte == b'"') {
                Some(start) => quoted.get(..start).unwrap_or_default(),
                None => return text,
            },
            None => {
                let is_inside =
                    |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'\'');
                let start = text.iter().rposition(|byte| !is_inside(byte)).map_or(0, |at| at + 1);
                text.get(..start).unwrap_or_default()
            }
        };
        match rest.trim_ascii_end().strip_suffix(b".") {
            Some(before) => text = before.trim_ascii_end(),
            None => return rest,
        }
    }
}

/// Takes off the indentation that all lines but the first share, and blanks around the whole.
fn dedent(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let rest: Vec<&str> = lines.collect();
    let width = |line: &&str| line.len() - line.trim_start().len();
    let shared = rest.iter().filter(|line| !line.trim().is_empty()).map(width).min().unwrap_or(0);
    let mut out = first.trim().to_owned();
    for line in rest {
        out.push('\n');
        out.push_str(line.get(shared..).unwrap_or_default().trim_end());
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::before;

    fn doc(text: &str) -> Option<String> {
        let offset = text.find('^').expect("a place");
        before(text.replace('^', "").as_bytes(), offset as u32)
    }

    #[test]
    fn a_comment_documents_the_binding_after_it_and_its_value() {
        let expected = Some("Adds.\n\n  a + b".to_owned());
        let inline = Some("Adds.\n\na + b".to_owned());
        assert_eq!(doc("{ /** Adds.\n\n     a + b\n   */\n f = ^a: b: a + b; }"), inline);
        assert_eq!(doc("{ /**\n  Adds.\n\n    a + b\n  */\n ^f = a; }"), expected);
        assert_eq!(doc("/* Old. */ a.\"b c\".d = ^x: x"), Some("Old.".to_owned()));
        assert_eq!(doc("/** Alone. */ ^x: x"), Some("Alone.".to_owned()));
        assert_eq!(doc("/** In. */ f = (^x: x)"), Some("In.".to_owned()));
    }

    #[test]
    fn what_has_no_comment_right_before_it_is_not_documented() {
        assert_eq!(doc("{ /** Of a. */ a = 1; ^b = 2; }"), None);
        assert_eq!(doc("# no\n^x: x"), None);
        assert_eq!(doc("/***/ ^x: x"), None);
    }
}
