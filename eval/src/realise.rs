//! Making real what a string depends on: import from derivation.
//!
//! A file that is read may be the output of a derivation that nobody has built yet. Then the
//! evaluation waits while the store builds it.
//! Source: CppNix, `EvalState::realiseContext` and `realisePath`.

use store::event::Silent;
use store::realise::{DerivedPath, OutputNames, RealiseOptions};
use store::{StorePath, base32};

use crate::coerce::{self, Purpose};
use crate::context::{self, Derived, Element, placeholder_of};
use crate::error::{self, ErrorKind, FrameKind, Result};
use crate::heap::{Context, Value};
use crate::interpret::{Eval, Links};
use crate::source::{HOST, Position, SourcePath};

/// The words of the step to the path of a file that is read.
pub(crate) const PATH_STEP: &str = "while realising the context of a path";

/// The step to the path of a file that is read.
const PATH: Purpose<'static> = Purpose { position: Position::NONE, text: PATH_STEP };

/// What stood for outputs before they were built, and their paths.
type Rewrites = Vec<(String, String)>;

/// Returns `value` as a path whose file can be read: what it depends on is built first.
///
/// Symbolic links are not followed.
///
/// # Errors
///
/// A value that is no path, a path that is not valid, a build that fails or is not allowed.
pub(crate) fn path<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<SourcePath> {
    let (path, context) = coerce::to_path(eval, value, PATH)?;
    if context.is_none() || path.root != HOST {
        return Ok(path);
    }
    let rewrites = realise(eval, context).map_err(|error| {
        let step = format!("while realising the context of path '{}'", path.display());
        error.frame(Position::NONE, FrameKind::Evaluator, step)
    })?;
    if rewrites.is_empty() {
        return Ok(path);
    }
    let text = rewrite(String::from_utf8_lossy(&path.bytes).into_owned(), &rewrites);
    Ok(SourcePath::new(path.root, text.as_bytes()))
}

/// Looks at what `value`, taken as a path as of [`path`], leads to.
///
/// # Errors
///
/// As [`path`], links that lead in circles, and what `look` meets.
pub(crate) fn look<'h, T>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    links: Links,
    look: impl Fn(&mut Eval<'h>, &SourcePath) -> Result<T>,
) -> Result<T> {
    let path = path(eval, value)?;
    // The host follows links itself; only what it refuses, or we do, needs a closer look.
    if !eval.is_limited() {
        match look(eval, &path) {
            Err(error) if error.kind == ErrorKind::Io && path.root == HOST => {}
            other => return other,
        }
    }
    let place = eval.led_to(&path, links).map_err(|error| {
        let step = format!("while realising the context of path '{}'", path.display());
        error.frame(Position::NONE, FrameKind::Evaluator, step)
    })?;
    look(eval, &place)
}

/// Builds everything that `context` depends on.
///
/// # Errors
///
/// As [`path`].
pub(crate) fn realise(eval: &mut Eval<'_>, context: Option<Context<'_>>) -> Result<Rewrites> {
    let store = eval.store();
    let mut targets = Vec::new();
    let mut outputs = Vec::new();
    for element in context::decode_all(context)? {
        match element {
            Element::Opaque(path) | Element::Deep(path) => valid(eval, &path)?,
            Element::Built { derivation: Derived::Path(path), output } => {
                valid(eval, &path)?;
                targets.push(DerivedPath::Built {
                    derivation: path.clone(),
                    outputs: OutputNames::Names([output.clone()].into()),
                });
                outputs.push((path, output));
            }
            Element::Built { derivation: Derived::Output { .. }, .. } => {
                return Err(error::other(
                    "an output of a derivation that is itself built cannot be read during \
                     evaluation: dynamic derivations are not built yet",
                ));
            }
        }
    }
    let Some((first, output)) = outputs.first() else { return Ok(Vec::new()) };
    if !eval.settings().import_from_derivation {
        let target = format!("{}^{output}", store.directory().display(first));
        return Err(error::other(format!(
            "cannot build '{target}' during evaluation because the option \
             'allow-import-from-derivation' is disabled"
        )));
    }
    if eval.settings().trace_import_from_derivation {
        let target = format!("{}^{output}", store.directory().display(first));
        let message = match outputs.len() {
            1 => format!(
                "warning: built '{target}' during evaluation due to an import from derivation"
            ),
            count => format!(
                "warning: built {count} derivations during evaluation due to imports from \
                 derivations: '{target}', ..."
            ),
        };
        eval.system().message(message.as_bytes());
    }
    let options =
        RealiseOptions { system: eval.settings().system.clone(), ..RealiseOptions::default() };
    let realised =
        store.realise(&targets, &options, &Silent).map_err(|error| error::store(&error))?;
    for realised in &realised {
        eval.allow_closure(&realised.path)?;
    }
    if !eval.settings().has_feature("ca-derivations") {
        return Ok(Vec::new());
    }
    Ok(realised
        .into_iter()
        .filter_map(|realised| {
            let (derivation, output) = realised.origin?;
            let placeholder = placeholder_of(&Derived::Path(derivation), &output);
            Some((placeholder, store.directory().display(&realised.path)))
        })
        .collect())
}

/// Makes sure that a store object is there, fetching it if a cache has it.
///
/// # Errors
///
/// When it is nowhere.
pub(crate) fn ensure(eval: &Eval<'_>, path: &StorePath) -> Result<()> {
    let store = eval.store();
    if store.is_valid(path).map_err(|error| error::store(&error))? {
        return Ok(());
    }
    let target = DerivedPath::Opaque(path.clone());
    store
        .realise(&[target], &RealiseOptions::default(), &Silent)
        .map(|_| ())
        .map_err(|error| error::store(&error))
}

/// Returns `text` with the paths of outputs instead of what stood for them.
pub(crate) fn rewrite(text: String, rewrites: &Rewrites) -> String {
    debug_assert!(rewrites.iter().all(|it| it.0.len() == 1 + base32::encoded_length(32)));
    rewrites.iter().fold(text, |text, (placeholder, path)| text.replace(placeholder, path))
}

fn valid(eval: &Eval<'_>, path: &StorePath) -> Result<()> {
    if eval.store().is_valid(path).map_err(|error| error::store(&error))? {
        Ok(())
    } else {
        Err(error::io(format!("path '{path}' is not valid")))
    }
}
