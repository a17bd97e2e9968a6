//! Programs of the language, made from a seed: well typed, so that each has a value.

/// What a generated expression evaluates to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Type {
    Int,
    Bool,
    Text,
    /// A list of integers.
    List,
    /// A set with an integer `a`, a string `b` and a list `c`.
    Set,
    /// A function from integers to integers.
    Function,
}

use Type::{Bool, Function, Int, List, Set, Text};

const TYPES: [Type; 6] = [Int, Bool, Text, List, Set, Function];

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

    /// Returns the next program; its value has neither functions nor floats in it.
    pub(crate) fn next(&mut self) -> String {
        self.scope.clear();
        self.names = 0;
        let ty = [Int, Bool, Text, List, Set][self.below(5)];
        self.make(ty, 5)
    }

    /// Returns a number below `limit`. The generator is Marsaglia's xorshift64*.
    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }

    fn any_type(&mut self) -> Type {
        TYPES[self.below(TYPES.len())]
    }

    /// Returns a name that shadows an earlier one now and then.
    fn name(&mut self) -> String {
        if self.names == 0 || self.below(5) > 0 {
            self.names += 1;
        }
        let number = self.below(self.names.max(1)).max(self.names.saturating_sub(2));
        format!("v{number}")
    }

    /// Makes an expression in which `bound` is a variable.
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
            2 => self.choice(ty, depth - 1),
            3 => self.call(ty, depth - 1),
            _ => self.operation(ty, depth - 1),
        }
    }

    fn literal(&mut self, ty: Type) -> String {
        match ty {
            Int => self.below(10).to_string(),
            Bool => ["true", "false"][self.below(2)].to_owned(),
            Text => ["\"\"", "\"a\"", "\"b c\"", "''x\n  y''", "\"\\n\\${\"", "\"z\""]
                [self.below(6)]
            .to_owned(),
            List => ["[ ]", "[ 1 ]", "[ 3 1 2 ]", "[ 2 2 5 0 ]"][self.below(4)].to_owned(),
            Set => {
                let fields = [
                    "{ a = 1; b = \"s\"; c = [ ]; }",
                    "rec { a = builtins.length c; b = \"t\"; c = [ 4 5 ]; }",
                    "{ a = 0; b = \"\"; c = [ 7 ]; d = throw \"never\"; }",
                ];
                let set = fields[self.below(3)];
                // What nobody reads must not be printed either.
                if set.contains("throw") {
                    format!("(removeAttrs {set} [ \"d\" ])")
                } else {
                    set.to_owned()
                }
            }
            Function => {
                ["(x: x)", "(x: x + 1)", "(builtins.add 2)", "(x: 3)"][self.below(4)].to_owned()
            }
        }
    }

    fn binding(&mut self, ty: Type, depth: usize) -> String {
        let (name, of) = (self.name(), self.any_type());
        let value = self.make(of, depth);
        let body = self.inside(&[(name.clone(), of)], ty, depth);
        // A value must not see its own name, and what `with` provides must have no other meaning.
        let is_new = !self.scope.iter().any(|(other, _)| *other == name);
        match self.below(5) {
            0 => format!("(({name}: {body}) {value})"),
            1 => format!("(({{ {name} }}@all: {body}) {{ {name} = {value}; }})"),
            2 if is_new => format!("(({{ {name} ? {value}, ... }}: {body}) {{ }})"),
            3 if is_new => format!("(with {{ {name} = {value}; no = throw \"never\"; }}; {body})"),
            _ if is_new => format!("(let {name} = {value}; no = throw \"never\"; in {body})"),
            _ => format!("(({name}: no: {body}) {value} (throw \"never\"))"),
        }
    }

    fn choice(&mut self, ty: Type, depth: usize) -> String {
        let (condition, yes, no) =
            (self.make(Bool, depth), self.make(ty, depth), self.make(ty, depth));
        match self.below(3) {
            0 => format!(
                "(let t = builtins.tryEval (assert {condition}; {yes}); in \
                 if t.success then t.value else {no})"
            ),
            _ => format!("(if {condition} then {yes} else {no})"),
        }
    }

    fn call(&mut self, ty: Type, depth: usize) -> String {
        let (first, second) = (self.name(), self.name());
        if first == second {
            return self.operation(ty, depth);
        }
        let (one, two) = (self.any_type(), self.any_type());
        let body = self.inside(&[(first.clone(), one), (second.clone(), two)], ty, depth);
        let (a, b) = (self.make(one, depth), self.make(two, depth));
        match self.below(3) {
            0 => format!("(({first}: {second}: {body}) {a} {b})"),
            1 => {
                format!("(({{ {first}, {second} }}: {body}) {{ {second} = {b}; {first} = {a}; }})")
            }
            _ => format!("({{ __functor = self: {first}: {second}: {body}; }} {a} {b})"),
        }
    }

    fn operation(&mut self, ty: Type, depth: usize) -> String {
        match ty {
            Int => self.int(depth),
            Bool => self.bool(depth),
            Text => self.text(depth),
            List => self.list(depth),
            Set => self.set(depth),
            Function => {
                let name = self.name();
                let body = self.inside(&[(name.clone(), Int)], Int, depth);
                format!("({name}: {body})")
            }
        }
    }

    fn int(&mut self, depth: usize) -> String {
        match self.below(10) {
            0 => format!("({} + {})", self.make(Int, depth), self.make(Int, depth)),
            1 => format!("({} - {})", self.make(Int, depth), self.make(Int, depth)),
            2 => format!("({} * {})", self.make(Int, depth), self.literal(Int)),
            3 => format!("({} / {})", self.make(Int, depth), 1 + self.below(5)),
            4 => format!("(builtins.length {})", self.make(List, depth)),
            5 => format!("(builtins.stringLength {})", self.make(Text, depth)),
            6 => format!("{}.a", self.make(Set, depth)),
            7 => format!("({} {})", self.make(Function, depth), self.make(Int, depth)),
            8 => format!(
                "(builtins.foldl' (a: b: a + b) {} {})",
                self.make(Int, depth),
                self.make(List, depth)
            ),
            _ => format!("({}.nope or {})", self.make(Set, depth), self.make(Int, depth)),
        }
    }

    fn bool(&mut self, depth: usize) -> String {
        let ty = [Int, Text, List][self.below(3)];
        match self.below(8) {
            0 => format!("({} == {})", self.make(ty, depth), self.make(ty, depth)),
            1 => format!("({} < {})", self.make(ty, depth), self.make(ty, depth)),
            2 => format!("({} >= {})", self.make(ty, depth), self.make(ty, depth)),
            3 => format!("({} && {})", self.make(Bool, depth), self.make(Bool, depth)),
            4 => format!("({} -> {})", self.make(Bool, depth), self.make(Bool, depth)),
            5 => format!("(!{})", self.make(Bool, depth)),
            6 => format!("({} ? {})", self.make(Set, depth), ["a", "nope", "b.x"][self.below(3)]),
            _ => format!("({} != {})", self.make(Set, depth), self.make(Set, depth)),
        }
    }

    fn text(&mut self, depth: usize) -> String {
        match self.below(8) {
            0 => format!("({} + {})", self.make(Text, depth), self.make(Text, depth)),
            1 => format!("\"<${{{}}}>\"", self.make(Text, depth)),
            2 => format!("''\n  a${{{}}}\n   b''", self.make(Text, depth)),
            3 => format!("(toString {})", self.make(Int, depth)),
            4 => format!("{}.b", self.make(Set, depth)),
            5 => format!("(builtins.toJSON {})", self.make(Set, depth)),
            6 => format!(
                "(builtins.substring {} {} {})",
                self.below(4),
                self.below(6),
                self.make(Text, depth)
            ),
            _ => format!(
                "(builtins.concatStringsSep {} (builtins.attrNames {}))",
                self.make(Text, depth),
                self.make(Set, depth)
            ),
        }
    }

    fn list(&mut self, depth: usize) -> String {
        match self.below(8) {
            0 => format!("({} ++ {})", self.make(List, depth), self.make(List, depth)),
            1 => format!("(map {} {})", self.make(Function, depth), self.make(List, depth)),
            2 => format!(
                "(builtins.filter (x: {} x < 4) {})",
                self.make(Function, depth),
                self.make(List, depth)
            ),
            3 => format!("(builtins.sort builtins.lessThan {})", self.make(List, depth)),
            4 => format!("(builtins.genList {} {})", self.make(Function, depth), self.below(5)),
            5 => format!("[ {} {} ]", self.make(Int, depth), self.make(Int, depth)),
            6 => format!("{}.c", self.make(Set, depth)),
            _ => format!("(builtins.concatMap (x: [ x x ]) {})", self.make(List, depth)),
        }
    }

    fn set(&mut self, depth: usize) -> String {
        match self.below(5) {
            0 => format!(
                "{{ a = {}; b = {}; c = {}; }}",
                self.make(Int, depth),
                self.make(Text, depth),
                self.make(List, depth)
            ),
            1 => format!("({} // {{ a = {}; }})", self.make(Set, depth), self.make(Int, depth)),
            2 => format!("({} // {})", self.make(Set, depth), self.make(Set, depth)),
            3 => format!(
                "(builtins.mapAttrs (n: v: if n == \"a\" then {} v else v) {})",
                self.make(Function, depth),
                self.make(Set, depth)
            ),
            _ => format!(
                "(builtins.intersectAttrs {{ a = 1; b = 1; c = 1; }} {})",
                self.make(Set, depth)
            ),
        }
    }
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
