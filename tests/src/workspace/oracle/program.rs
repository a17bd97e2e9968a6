//! Programs of the language, made from a seed: well typed, so that nearly each has a value.
//!
//! What can be written is a table of templates for each type. In a template `$` and a letter
//! stand for an expression of the type that the letter names, `$i<%1:i,%2:t>` for one in which
//! two more variables are visible, `%1` for a new variable, and `$#` for a digit.

#[path = "template.rs"]
mod template;

/// What a generated expression evaluates to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Type {
    /// An integer.
    Int,
    /// A float.
    Float,
    /// A Boolean.
    Bool,
    /// A string, perhaps with a context.
    Text,
    /// A path.
    Path,
    /// A list of integers.
    List,
    /// A list of strings.
    Texts,
    /// A set with an integer `a`, a string `b` and a list `c`.
    Set,
    /// A set of sets and everything else.
    Nest,
    /// A function from integers to integers.
    Function,
    /// A derivation.
    Derivation,
}

use Type::{Bool, Derivation, Float, Function, Int, List, Nest, Path, Set, Text, Texts};

/// Every type with its letter in templates; those more often wanted stand more than once.
const TYPES: [(char, Type); 11] = [
    ('i', Int),
    ('f', Float),
    ('b', Bool),
    ('t', Text),
    ('p', Path),
    ('l', List),
    ('s', Texts),
    ('r', Set),
    ('n', Nest),
    ('F', Function),
    ('d', Derivation),
];

/// How deep expressions lie in each other.
const DEPTH: usize = 4;

/// A program and the type of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) text: String,
    pub(crate) ty: Type,
}

impl Program {
    /// Whether the value can be written as JSON: it has no function and no file in it.
    pub(crate) fn has_json(&self) -> bool {
        !matches!(self.ty, Path | Function)
    }
}

/// A source of programs: the same ones for the same seed.
pub(crate) struct Programs {
    state: u64,
    /// The variables around the expression that is being made.
    scope: Vec<(String, Type)>,
    names: usize,
}

impl Programs {
    /// Returns the source that `seed` stands for.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed | 1, scope: Vec::new(), names: 0 }
    }

    /// Returns the next program.
    pub(crate) fn next(&mut self) -> Program {
        self.scope.clear();
        self.names = 0;
        let ty = self.any_type();
        Program { text: self.make(ty, DEPTH), ty }
    }

    /// Returns the next program that fails, if what fails in it is needed.
    pub(crate) fn next_failing(&mut self) -> String {
        self.scope.clear();
        self.names = 0;
        let failing = template::FAILING[self.below(template::FAILING.len())];
        let failing = self.fill(failing, 2);
        let around = template::AROUND[self.below(template::AROUND.len())];
        self.fill(&around.replace("$!", &failing.replace('$', "$$").replace('%', "%%")), 2)
    }

    /// Returns a number below `limit`. The generator is Marsaglia's xorshift64*.
    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }

    fn any_type(&mut self) -> Type {
        TYPES[self.below(TYPES.len())].1
    }

    /// Returns a name that no other variable of this program has.
    fn new_name(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    /// Returns a name that hides an earlier one now and then.
    fn name(&mut self) -> String {
        match self.scope.len() {
            0 => self.new_name(),
            count if self.below(4) == 0 => {
                let chosen = self.below(count);
                self.scope[chosen].0.clone()
            }
            _ => self.new_name(),
        }
    }

    /// Makes an expression in which `bound` are variables.
    fn inside(&mut self, bound: &[(String, Type)], ty: Type, depth: usize) -> String {
        let before = self.scope.len();
        self.scope.extend_from_slice(bound);
        let made = self.make(ty, depth);
        self.scope.truncate(before);
        made
    }

    /// Returns a variable of this type that nothing hides.
    fn variable(&mut self, ty: Type) -> Option<String> {
        let scope = &self.scope;
        let is_visible =
            |idx: usize| !scope[idx + 1..].iter().any(|(name, _)| *name == scope[idx].0);
        let fitting: Vec<usize> =
            (0..scope.len()).filter(|&idx| scope[idx].1 == ty && is_visible(idx)).collect();
        if fitting.is_empty() {
            return None;
        }
        let chosen = fitting[self.below(fitting.len())];
        Some(self.scope[chosen].0.clone())
    }

    fn make(&mut self, ty: Type, depth: usize) -> String {
        if depth == 0 || self.below(6) == 0 {
            return match self.variable(ty) {
                Some(name) if self.below(4) > 0 => name,
                _ => self.literal(ty),
            };
        }
        match self.below(10) {
            0 | 1 => self.binding(ty, depth - 1),
            2 => {
                let choice = template::CHOICES[self.below(template::CHOICES.len())];
                let (letter, _) = TYPES[TYPES.iter().position(|(_, it)| *it == ty).unwrap_or(0)];
                let mut text = [0; 4];
                self.fill(&choice.replace('?', letter.encode_utf8(&mut text)), depth - 1)
            }
            3 => self.call(ty, depth - 1),
            _ => {
                let operations = template::operations(ty);
                let operation = operations[self.below(operations.len())];
                self.fill(operation, depth - 1)
            }
        }
    }

    fn literal(&mut self, ty: Type) -> String {
        let literals = template::literals(ty);
        let literal = literals[self.below(literals.len())];
        self.fill(literal, 0)
    }

    /// Puts expressions in the places that a template leaves for them.
    fn fill(&mut self, template: &str, depth: usize) -> String {
        let names: Vec<String> = (0..4).map(|_| self.new_name()).collect();
        let mut made = String::new();
        let mut rest = template.chars().peekable();
        while let Some(first) = rest.next() {
            if first != '$' && first != '%' {
                made.push(first);
                continue;
            }
            let letter = rest.next().unwrap_or(first);
            if letter == first {
                made.push(first);
            } else if first == '%' {
                made.push_str(&names[name_index(letter)]);
            } else if letter == '#' {
                made.push_str(&self.below(10).to_string());
            } else if let Some(ty) = type_of(letter) {
                let mut bound = Vec::new();
                if rest.next_if_eq(&'<').is_some() {
                    let list: String = rest.by_ref().take_while(|&letter| letter != '>').collect();
                    bound = list.split(',').map(|item| variable_of(item, &names)).collect();
                }
                made.push_str(&self.inside(&bound, ty, depth.saturating_sub(1)));
            } else {
                made.extend([first, letter]);
            }
        }
        made
    }

    fn binding(&mut self, ty: Type, depth: usize) -> String {
        let (name, of) = (self.name(), self.any_type());
        let value = self.make(of, depth);
        let body = self.inside(&[(name.clone(), of)], ty, depth);
        // A value must not see its own name, and what `with` provides must have no other meaning.
        let is_new = !self.scope.iter().any(|(other, _)| *other == name);
        match self.below(8) {
            0 => format!("(({name}: {body}) {value})"),
            1 => format!("(({{ {name} }}@all: {body}) {{ {name} = {value}; }})"),
            2 if is_new => format!("(({{ {name} ? {value}, ... }}: {body}) {{ }})"),
            3 if is_new => format!("(with {{ {name} = {value}; no = throw \"never\"; }}; {body})"),
            4 if is_new => format!("(let {name} = {value}; no = throw \"never\"; in {body})"),
            5 if is_new => format!("(rec {{ {name} = {value}; it = {body}; }}.it)"),
            6 if is_new => format!("(let inherit ({{ {name} = {value}; }}) {name}; in {body})"),
            7 if is_new => format!("(let {{ {name} = {value}; body = {body}; }})"),
            _ => format!("(({name}: no: {body}) {value} (throw \"never\"))"),
        }
    }

    fn call(&mut self, ty: Type, depth: usize) -> String {
        let (first, second) = (self.name(), self.new_name());
        let (one, two) = (self.any_type(), self.any_type());
        let body = self.inside(&[(first.clone(), one), (second.clone(), two)], ty, depth);
        let (a, b) = (self.make(one, depth), self.make(two, depth));
        match self.below(5) {
            0 => format!("(({first}: {second}: {body}) {a} {b})"),
            1 => {
                format!("(({{ {first}, {second} }}: {body}) {{ {second} = {b}; {first} = {a}; }})")
            }
            2 => format!("((args@{{ {first}, {second} ? {b} }}: {body}) {{ {first} = {a}; }})"),
            3 => {
                format!("(builtins.foldl' (f: x: f x) ({first}: {second}: {body}) [ ({a}) ({b}) ])")
            }
            _ => format!("({{ __functor = self: {first}: {second}: {body}; }} {a} {b})"),
        }
    }
}

/// Returns the type that a letter in a template names.
fn type_of(letter: char) -> Option<Type> {
    TYPES.iter().find(|(known, _)| *known == letter).map(|(_, ty)| *ty)
}

/// Returns which of a template's variables a digit names.
fn name_index(digit: char) -> usize {
    match digit {
        '1' => 0,
        '2' => 1,
        '3' => 2,
        _ => 3,
    }
}

/// Reads `%1:i` or `a:i`: a variable and the letter of its type.
fn variable_of(item: &str, names: &[String]) -> (String, Type) {
    let (name, letter) = item.split_once(':').expect("a variable in a template has a type");
    let name = match name.strip_prefix('%').and_then(|digit| digit.chars().next()) {
        Some(digit) => names[name_index(digit)].clone(),
        None => name.to_owned(),
    };
    let ty = letter.chars().next().and_then(type_of).expect("a letter of a template is a type's");
    (name, ty)
}

#[test]
fn programs_follow_from_their_seed() {
    let some = |seed: u64| {
        let mut programs = Programs::new(seed);
        (0..20).map(|_| programs.next()).collect::<Vec<_>>()
    };
    assert_eq!(some(7), some(7));
    assert_ne!(some(7), some(8));
}

#[test]
fn every_place_of_a_template_is_filled() {
    let mut programs = Programs::new(3);
    for _ in 0..2000 {
        let text = programs.next().text;
        let is_place = |sign: char| {
            text.match_indices(sign).any(|(at, _)| {
                text[at + 1..].chars().next().is_some_and(|next| next.is_ascii_alphanumeric())
            })
        };
        assert!(!is_place('$') && !is_place('%'), "{text}");
    }
}
