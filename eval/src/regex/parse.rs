//! The grammar of extended regular expressions, as libstdc++ reads it.

use super::RegexError;
use super::set::{ByteSet, collating_element};

/// A pattern taken apart.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Matches nothing at all, everywhere.
    Empty,
    /// One byte of a set.
    Set(ByteSet),
    /// `^`: the start of the text.
    Start,
    /// `$`: the end of the text.
    End,
    /// A group, by its number from 0.
    Group(u32, Box<Node>),
    /// One after the other.
    Concat(Vec<Node>),
    /// `a|b`, two branches or more.
    Either(Vec<Node>),
    /// `a*`.
    Star(Box<Node>),
    /// `a+`.
    Plus(Box<Node>),
    /// `a?`.
    Optional(Box<Node>),
    /// `a{min}`, `a{min,max}`, `a{min,}`.
    Counted(Box<Node>, u32, Option<u32>),
}

impl Node {
    /// Whether the node may match without taking a byte.
    pub(super) fn is_nullable(&self) -> bool {
        match self {
            Node::Empty | Node::Start | Node::End | Node::Star(_) | Node::Optional(_) => true,
            Node::Set(_) => false,
            Node::Group(_, node) | Node::Plus(node) => node.is_nullable(),
            Node::Concat(nodes) => nodes.iter().all(Node::is_nullable),
            Node::Either(nodes) => nodes.iter().any(Node::is_nullable),
            Node::Counted(node, min, _) => *min == 0 || node.is_nullable(),
        }
    }

    /// Adds to `set` the bytes that a match may start with. `false` if it may also start with
    /// whatever follows.
    pub(super) fn first(&self, set: &mut ByteSet) -> bool {
        match self {
            Node::Empty | Node::Start | Node::End => false,
            Node::Set(own) => {
                set.union(*own);
                true
            }
            Node::Group(_, node) | Node::Plus(node) => node.first(set),
            Node::Concat(nodes) => nodes.iter().any(|node| node.first(set)),
            Node::Either(nodes) => {
                // Every branch adds its bytes.
                let open = nodes.iter().filter(|node| !node.first(set)).count();
                open == 0
            }
            Node::Star(node) | Node::Optional(node) => {
                node.first(set);
                false
            }
            Node::Counted(node, min, _) => node.first(set) && *min > 0,
        }
    }
}

/// A parsed pattern.
pub(super) struct Tree {
    /// The pattern.
    pub(super) root: Node,
    /// How many groups it has.
    pub(super) group_count: u32,
}

/// The most states of an automaton. Source: libstdc++, `_GLIBCXX_REGEX_STATE_LIMIT`.
const STATES_MAX: u64 = 100_000;
/// The deepest nesting of groups and quantifiers, far above what anybody writes.
const DEPTH_MAX: u32 = 250;

/// A node with what libstdc++'s automaton for it would take.
struct Sized {
    node: Node,
    /// How many states were made for it.
    made: u64,
    /// How many of them a copy has.
    copied: u64,
    depth: u32,
}

struct Parser<'p> {
    rest: &'p [u8],
    group_count: u32,
    /// How many groups are open.
    open: u32,
}

/// Parses a whole pattern.
pub(super) fn parse(pattern: &[u8]) -> Result<Tree, RegexError> {
    let mut parser = Parser { rest: pattern, group_count: 0, open: 0 };
    let root = parser.disjunction()?;
    if !parser.rest.is_empty() {
        return Err(RegexError::Invalid);
    }
    // The whole is a group, too, and the automaton ends in an accepting state.
    check(root.made + 3)?;
    Ok(Tree { root: root.node, group_count: parser.group_count })
}

fn check(states: u64) -> Result<u64, RegexError> {
    if states > STATES_MAX { Err(RegexError::TooLarge) } else { Ok(states) }
}

impl Parser<'_> {
    fn next_if(&mut self, byte: u8) -> bool {
        match self.rest.strip_prefix(&[byte]) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn disjunction(&mut self) -> Result<Sized, RegexError> {
        let first = self.alternative()?;
        if self.rest.first() != Some(&b'|') {
            return Ok(first);
        }
        let (mut made, mut copied, mut depth) = (first.made, first.copied, first.depth);
        let mut nodes = vec![first.node];
        while self.next_if(b'|') {
            let next = self.alternative()?;
            made = check(made + next.made + 2)?;
            copied += next.copied + 2;
            depth = depth.max(next.depth);
            nodes.push(next.node);
        }
        Ok(Sized { node: Node::Either(nodes), made, copied, depth: deeper(depth)? })
    }

    /// A sequence of terms. The automaton has an empty state at the end of each.
    fn alternative(&mut self) -> Result<Sized, RegexError> {
        let mut nodes = Vec::new();
        let (mut made, mut copied, mut depth) = (1, 1, 0);
        while let Some(term) = self.term()? {
            made = check(made + term.made)?;
            copied += term.copied;
            depth = depth.max(term.depth);
            nodes.push(term.node);
        }
        let node = match nodes.len() {
            0 => Node::Empty,
            1 => nodes.pop().unwrap_or(Node::Empty),
            _ => Node::Concat(nodes),
        };
        Ok(Sized { node, made, copied, depth })
    }

    /// An assertion, or an atom with its quantifiers; `None` where none starts.
    fn term(&mut self) -> Result<Option<Sized>, RegexError> {
        let leaf = |node| Some(Sized { node, made: 1, copied: 1, depth: 0 });
        if self.next_if(b'^') {
            return Ok(leaf(Node::Start));
        }
        if self.next_if(b'$') {
            return Ok(leaf(Node::End));
        }
        let Some((&byte, rest)) = self.rest.split_first() else { return Ok(None) };
        let atom = match byte {
            b'|' | b')' | b'*' | b'+' | b'?' | b'{' => return Ok(None),
            b'(' => {
                self.rest = rest;
                Some(self.group()?)
            }
            b'[' => {
                self.rest = rest;
                leaf(Node::Set(self.bracket()?))
            }
            b'.' => {
                self.rest = rest;
                leaf(Node::Set(ByteSet::any()))
            }
            b'\\' => {
                // Only what has a meaning may be escaped.
                let Some((&escaped, rest)) = rest.split_first() else {
                    return Err(RegexError::Invalid);
                };
                if !b".[\\()*+?{|^$".contains(&escaped) {
                    return Err(RegexError::Invalid);
                }
                self.rest = rest;
                leaf(Node::Set(ByteSet::of(escaped)))
            }
            0 => return Err(RegexError::Invalid),
            _ => {
                self.rest = rest;
                leaf(Node::Set(ByteSet::of(byte)))
            }
        };
        let Some(mut atom) = atom else { return Ok(None) };
        while let Some((&byte, rest)) = self.rest.split_first() {
            let extra = match byte {
                b'*' | b'+' => 1,
                b'?' => 2,
                b'{' => {
                    self.rest = rest;
                    atom = self.counted(atom)?;
                    continue;
                }
                _ => break,
            };
            self.rest = rest;
            let inner = Box::new(atom.node);
            atom = Sized {
                node: match byte {
                    b'*' => Node::Star(inner),
                    b'+' => Node::Plus(inner),
                    _ => Node::Optional(inner),
                },
                made: check(atom.made + extra)?,
                copied: atom.copied + extra,
                depth: deeper(atom.depth)?,
            };
        }
        Ok(Some(atom))
    }

    fn group(&mut self) -> Result<Sized, RegexError> {
        self.open = deeper(self.open)?;
        let index = self.group_count;
        self.group_count += 1;
        let inner = self.disjunction()?;
        if !self.next_if(b')') {
            return Err(RegexError::Invalid);
        }
        self.open -= 1;
        Ok(Sized {
            node: Node::Group(index, Box::new(inner.node)),
            made: check(inner.made + 2)?,
            copied: inner.copied + 2,
            depth: deeper(inner.depth)?,
        })
    }

    /// `{n}`, `{n,}`, `{n,m}`, after the brace.
    fn counted(&mut self, atom: Sized) -> Result<Sized, RegexError> {
        let min = self.number()?.ok_or(RegexError::Invalid)?;
        let max = if self.next_if(b',') { self.number()? } else { Some(min) };
        if !self.next_if(b'}') || max.is_some_and(|max| max < min) {
            return Err(RegexError::Invalid);
        }
        let (min_states, copied) = (u64::from(min), atom.copied);
        let copies = match max {
            None => (min_states + 1) * copied + 1,
            Some(max) => min_states * copied + u64::from(max - min) * (copied + 1) + 1,
        };
        Ok(Sized {
            node: Node::Counted(Box::new(atom.node), min, max),
            made: check(atom.made + 1 + copies)?,
            copied: copies + 1,
            depth: deeper(atom.depth)?,
        })
    }

    fn number(&mut self) -> Result<Option<u32>, RegexError> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        if number.is_empty() {
            return Ok(None);
        }
        let number = str::from_utf8(number).ok().and_then(|text| text.parse::<i32>().ok());
        number.map(|number| Some(number.unsigned_abs())).ok_or(RegexError::Invalid)
    }

    /// A bracket expression after its `[`.
    fn bracket(&mut self) -> Result<ByteSet, RegexError> {
        let is_negated = self.next_if(b'^');
        let mut set = ByteSet::default();
        let mut last = if self.next_if(b'-') { Last::Byte(b'-') } else { Last::Nothing };
        // A bracket that closes at once is an ordinary character.
        if matches!(last, Last::Nothing) && self.next_if(b']') {
            last = Last::Byte(b']');
        }
        loop {
            let element = self.element()?;
            match element {
                Element::Close => break,
                Element::Byte(byte) | Element::Symbol(byte) => {
                    last.push(&mut set, Last::Byte(byte));
                }
                Element::Class(class) => {
                    last.push(&mut set, Last::Class);
                    set.union(class);
                }
                Element::Dash => match (last, self.element()?) {
                    (_, Element::Close) => {
                        last.push(&mut set, Last::Byte(b'-'));
                        break;
                    }
                    (Last::Byte(from), Element::Byte(to)) => {
                        insert_range(&mut set, from, to)?;
                        last = Last::Nothing;
                    }
                    (Last::Byte(from), Element::Dash) => {
                        insert_range(&mut set, from, b'-')?;
                        last = Last::Nothing;
                    }
                    (Last::Nothing | Last::Class, _)
                    | (Last::Byte(_), Element::Class(_) | Element::Symbol(_)) => {
                        return Err(RegexError::Invalid);
                    }
                },
            }
        }
        last.push(&mut set, Last::Nothing);
        if is_negated {
            set.negate();
        }
        Ok(set)
    }

    fn element(&mut self) -> Result<Element, RegexError> {
        let Some((&byte, rest)) = self.rest.split_first() else { return Err(RegexError::Invalid) };
        self.rest = rest;
        match (byte, rest.first()) {
            (b']', _) => Ok(Element::Close),
            (b'-', _) => Ok(Element::Dash),
            (b'[', None) => Err(RegexError::Invalid),
            (b'[', Some(&kind @ (b'.' | b':' | b'='))) => self.named(kind),
            _ => Ok(Element::Byte(byte)),
        }
    }

    /// `[.name.]`, `[:name:]` or `[=name=]`, after the first bracket.
    fn named(&mut self, kind: u8) -> Result<Element, RegexError> {
        let inner = self.rest.get(1..).unwrap_or_default();
        let len = memchr::memchr(kind, inner).ok_or(RegexError::Invalid)?;
        let (name, rest) = inner.split_at(len);
        self.rest = rest.get(1..).unwrap_or_default();
        if !self.next_if(b']') {
            return Err(RegexError::Invalid);
        }
        if kind == b':' {
            let mut set = ByteSet::default();
            return if set.insert_class(name) {
                Ok(Element::Class(set))
            } else {
                Err(RegexError::Invalid)
            };
        }
        let byte = collating_element(name).ok_or(RegexError::Invalid)?;
        if kind == b'.' {
            return Ok(Element::Symbol(byte));
        }
        // In the C locale two characters are equivalent when they differ only in case.
        let mut set = ByteSet::of(byte.to_ascii_lowercase());
        set.insert(byte.to_ascii_uppercase());
        Ok(Element::Class(set))
    }
}

fn deeper(depth: u32) -> Result<u32, RegexError> {
    if depth >= DEPTH_MAX { Err(RegexError::TooLarge) } else { Ok(depth + 1) }
}

/// Adds a range. Bytes are compared as signed numbers, as C++ on x86 does.
fn insert_range(set: &mut ByteSet, from: u8, to: u8) -> Result<(), RegexError> {
    let range = from.cast_signed()..=to.cast_signed();
    if range.is_empty() {
        return Err(RegexError::Invalid);
    }
    set.insert_where(|byte| range.contains(&byte.cast_signed()));
    Ok(())
}

/// What a bracket expression is made of.
enum Element {
    Close,
    Dash,
    Byte(u8),
    /// A named character, which may start a range but not end it.
    Symbol(u8),
    Class(ByteSet),
}

/// The element before: a byte waits here because it may become the start of a range.
#[derive(Clone, Copy)]
enum Last {
    Nothing,
    Byte(u8),
    Class,
}

impl Last {
    fn push(&mut self, set: &mut ByteSet, next: Last) {
        if let Last::Byte(byte) = *self {
            set.insert(byte);
        }
        *self = next;
    }
}
