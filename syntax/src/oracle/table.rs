//! LALR(1) tables from a grammar, with the defaults that Bison gives them.
//!
//! Which tokens a message lists depends on more than the grammar: a state's commonest reduction is
//! its default and is taken on any token that the state does not name, so errors come to light in
//! the state after it. Bison's manual, “Default Reductions”, “LALR(1)” and “How Precedence Works”.

use std::collections::BTreeMap;

use super::grammar::{Side, TERMINALS, Terminal, description};

/// A rule or a place in it: the rule's number and how many symbols stand before the place.
type Item = (usize, usize);

/// A set of terminals, one bit each.
type Terminals = u64;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Symbol {
    Terminal(usize),
    Nonterminal(usize),
}

struct Rule {
    lhs: usize,
    rhs: Vec<Symbol>,
    /// The index of its level and that level's side.
    level: Option<(usize, Side)>,
}

/// What to do in a state at a terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    Shift(usize),
    Reduce(usize),
    Accept,
    Error,
}

#[derive(Default)]
struct State {
    /// What the state names, without its default.
    actions: BTreeMap<usize, Action>,
    default: Option<usize>,
    gotos: BTreeMap<usize, usize>,
}

/// The tables of a parser.
pub(super) struct Table {
    rules: Vec<Rule>,
    states: Vec<State>,
}

impl Table {
    /// Builds the tables of a grammar whose first nonterminal is the whole text.
    pub(super) fn new(rules: &[(&str, &[&str])], levels: &[(Side, &str)]) -> Table {
        let grammar = Grammar::new(rules, levels);
        let automaton = Automaton::new(&grammar);
        let states =
            (0..automaton.kernels.len()).map(|index| automaton.state(&grammar, index)).collect();
        Table { rules: grammar.rules, states }
    }

    pub(super) fn action(&self, state: usize, read: Terminal) -> Action {
        let Some(state) = self.states.get(state) else { return Action::Error };
        let named = state.actions.get(&(read as usize)).copied();
        named.or(state.default.map(Action::Reduce)).unwrap_or(Action::Error)
    }

    /// Replaces the states of a rule's symbols by that of the rule as a whole.
    pub(super) fn reduce(&self, states: &mut Vec<usize>, rule: usize) {
        let Some(rule) = self.rules.get(rule) else { return };
        states.truncate(states.len().saturating_sub(rule.rhs.len()));
        let state = states.last().and_then(|state| self.states.get(*state));
        states.extend(state.and_then(|state| state.gotos.get(&rule.lhs)));
    }

    /// Returns the terminals that a state names.
    pub(super) fn expected(&self, state: usize) -> Vec<Terminal> {
        let actions = self.states.get(state).map(|state| &state.actions).into_iter().flatten();
        actions
            .filter(|(_, action)| **action != Action::Error)
            .filter_map(|(terminal, _)| TERMINALS.get(*terminal).map(|(terminal, _)| *terminal))
            .collect()
    }
}

/// The rules by number; rule 0 is the whole text followed by its end.
struct Grammar {
    rules: Vec<Rule>,
    /// The level of each terminal that has one.
    levels: BTreeMap<usize, (usize, Side)>,
    /// What each nonterminal may begin with, and whether it may be nothing.
    first: Vec<(Terminals, bool)>,
}

/// The terminal at the end of every text.
const END: usize = Terminal::EndOfFile as usize;

impl Grammar {
    fn new(rules: &[(&str, &[&str])], levels: &[(Side, &str)]) -> Grammar {
        let level_of = |word: &str| {
            let found = levels.iter().position(|(_, words)| words.split(' ').any(|it| it == word));
            found.and_then(|index| levels.get(index).map(|(side, _)| (index, *side)))
        };
        let symbol = |word: &str| {
            let nonterminal = rules.iter().position(|(name, _)| *name == word);
            nonterminal.map_or_else(|| Symbol::Terminal(terminal(word)), Symbol::Nonterminal)
        };
        let whole = vec![Symbol::Nonterminal(0), Symbol::Terminal(END)];
        let mut numbered = vec![Rule { lhs: rules.len(), rhs: whole, level: None }];
        for (lhs, (_, alternatives)) in rules.iter().enumerate() {
            for alternative in *alternatives {
                let words: Vec<&str> = alternative.split(' ').filter(|it| !it.is_empty()).collect();
                let rhs: Vec<Symbol> =
                    words.iter().filter(|it| !is_level(it)).map(|it| symbol(it)).collect();
                // Its own mark, or its last terminal, gives a rule its level.
                let mark = words
                    .iter()
                    .rev()
                    .find(|it| is_level(it) || matches!(symbol(it), Symbol::Terminal(_)));
                numbered.push(Rule { lhs, rhs, level: mark.and_then(|it| level_of(it)) });
            }
        }
        let levels = TERMINALS
            .iter()
            .enumerate()
            .filter_map(|(index, (_, text))| Some((index, level_of(text)?)))
            .collect();
        let first = vec![(0, false); rules.len() + 1];
        let mut grammar = Grammar { rules: numbered, levels, first };
        while grammar.grow_first() {}
        grammar
    }

    /// Adds what the rules say about beginnings; returns whether that was news.
    fn grow_first(&mut self) -> bool {
        let mut grown = false;
        for rule in &self.rules {
            let (terminals, is_empty) = self.first_of(&rule.rhs);
            if let Some(known) = self.first.get_mut(rule.lhs) {
                let before = *known;
                *known = (known.0 | terminals, known.1 || is_empty);
                grown |= *known != before;
            }
        }
        grown
    }

    /// Returns what `symbols` may begin with, and whether they may be nothing.
    fn first_of(&self, symbols: &[Symbol]) -> (Terminals, bool) {
        let mut terminals = 0;
        for symbol in symbols {
            let (first, is_empty) = match symbol {
                Symbol::Terminal(terminal) => (1 << terminal, false),
                Symbol::Nonterminal(name) => self.first.get(*name).copied().unwrap_or_default(),
            };
            terminals |= first;
            if !is_empty {
                return (terminals, false);
            }
        }
        (terminals, true)
    }

    fn rest(&self, (rule, place): Item) -> &[Symbol] {
        self.rules.get(rule).and_then(|rule| rule.rhs.get(place..)).unwrap_or_default()
    }

    /// Returns all items of a state whose kernel is `kernel`, with what may follow each.
    fn closure(&self, kernel: &BTreeMap<Item, Terminals>) -> BTreeMap<Item, Terminals> {
        let mut items = kernel.clone();
        let mut pending: Vec<Item> = kernel.keys().copied().collect();
        while let Some(item) = pending.pop() {
            let [Symbol::Nonterminal(name), after @ ..] = self.rest(item) else { continue };
            let (mut follow, is_empty) = self.first_of(after);
            if is_empty {
                follow |= items.get(&item).copied().unwrap_or_default();
            }
            for (index, _) in self.rules.iter().enumerate().filter(|(_, rule)| rule.lhs == *name) {
                let is_new = !items.contains_key(&(index, 0));
                let known = items.entry((index, 0)).or_default();
                if is_new || *known | follow != *known {
                    *known |= follow;
                    pending.push((index, 0));
                }
            }
        }
        items
    }
}

fn is_level(word: &str) -> bool {
    word.starts_with('%')
}

/// Returns the number of the terminal that a rule writes as `word`.
fn terminal(word: &str) -> usize {
    let spaced = word.replace('_', " ");
    let found = TERMINALS.iter().position(|(_, text)| {
        description(text).map_or(*text == word, |description| description == spaced)
    });
    found.expect("the grammar names terminals that there are")
}

/// The states, and the ways between them.
struct Automaton {
    /// What each state begins with, and what may follow that.
    kernels: Vec<BTreeMap<Item, Terminals>>,
    ways: Vec<BTreeMap<Symbol, usize>>,
}

impl Automaton {
    fn new(grammar: &Grammar) -> Automaton {
        let mut automaton =
            Automaton { kernels: vec![BTreeMap::from([((0, 0), 0)])], ways: vec![BTreeMap::new()] };
        let mut numbers: BTreeMap<Vec<Item>, usize> = BTreeMap::from([(vec![(0, 0)], 0)]);
        let mut pending = vec![0];
        while let Some(state) = pending.pop() {
            let Some(kernel) = automaton.kernels.get(state) else { continue };
            let mut targets: BTreeMap<Symbol, BTreeMap<Item, Terminals>> = BTreeMap::new();
            for ((rule, place), follow) in grammar.closure(kernel) {
                if let Some(symbol) = grammar.rest((rule, place)).first() {
                    targets.entry(*symbol).or_default().insert((rule, place + 1), follow);
                }
            }
            for (symbol, kernel) in targets {
                let target = automaton.enter(&mut numbers, kernel, &mut pending);
                if let Some(ways) = automaton.ways.get_mut(state) {
                    ways.insert(symbol, target);
                }
            }
        }
        automaton
    }

    /// Returns the state of a kernel; one that is new, or may be followed by more, is pending.
    fn enter(
        &mut self,
        numbers: &mut BTreeMap<Vec<Item>, usize>,
        kernel: BTreeMap<Item, Terminals>,
        pending: &mut Vec<usize>,
    ) -> usize {
        let next = self.kernels.len();
        let target = *numbers.entry(kernel.keys().copied().collect()).or_insert(next);
        if target == next {
            self.kernels.push(kernel);
            self.ways.push(BTreeMap::new());
            pending.push(target);
            return target;
        }
        let Some(known) = self.kernels.get_mut(target) else { return target };
        let mut grown = false;
        for (item, follow) in kernel {
            let known = known.entry(item).or_default();
            grown |= *known | follow != *known;
            *known |= follow;
        }
        if grown {
            pending.push(target);
        }
        target
    }

    fn state(&self, grammar: &Grammar, index: usize) -> State {
        let mut state = State::default();
        let ways = self.ways.get(index).into_iter().flatten();
        for (symbol, target) in ways {
            match symbol {
                // The end is only ever read after the whole text.
                Symbol::Terminal(END) => {
                    state.actions.insert(END, Action::Accept);
                }
                Symbol::Terminal(terminal) => {
                    state.actions.insert(*terminal, Action::Shift(*target));
                }
                Symbol::Nonterminal(name) => {
                    state.gotos.insert(*name, *target);
                }
            }
        }
        let Some(kernel) = self.kernels.get(index) else { return state };
        let mut reductions = Vec::new();
        for (item, follow) in grammar.closure(kernel) {
            if grammar.rest(item).is_empty() {
                reductions.push((item.0, follow));
            }
        }
        reduce(grammar, &mut state, &reductions);
        state
    }
}

/// Adds the reductions of a state: conflicts by level, then its default.
fn reduce(grammar: &Grammar, state: &mut State, reductions: &[(usize, Terminals)]) {
    let mut counts: Vec<(usize, usize)> = Vec::new();
    for (rule, follow) in reductions {
        let mut count = 0;
        for terminal in (0..TERMINALS.len()).filter(|terminal| follow >> terminal & 1 != 0) {
            let shift = state.actions.get(&terminal).copied();
            let action = match shift {
                None => Action::Reduce(*rule),
                Some(shift) => prefer(grammar, *rule, terminal, shift),
            };
            count += usize::from(action == Action::Reduce(*rule));
            state.actions.insert(terminal, action);
        }
        counts.push((*rule, count));
    }
    // Of equally common ones the first.
    let default = counts.iter().rev().max_by_key(|(_, count)| *count).map(|(rule, _)| *rule);
    state.default = default;
    match default {
        Some(rule) => state.actions.retain(|_, action| *action != Action::Reduce(rule)),
        None => state.actions.retain(|_, action| *action != Action::Error),
    }
}

/// Returns what precedence says about reducing `rule` or taking `terminal`.
fn prefer(grammar: &Grammar, rule: usize, terminal: usize, shift: Action) -> Action {
    let level = grammar.rules.get(rule).and_then(|rule| rule.level);
    let (Some((rule_level, side)), Some((level, _))) = (level, grammar.levels.get(&terminal))
    else {
        return shift;
    };
    match rule_level.cmp(level) {
        std::cmp::Ordering::Greater => Action::Reduce(rule),
        std::cmp::Ordering::Less => shift,
        std::cmp::Ordering::Equal => match side {
            Side::Left => Action::Reduce(rule),
            Side::Right => shift,
            Side::Never => Action::Error,
        },
    }
}
