//! `nivis eval`: values on stdout; and how `nix-instantiate --eval` prints them.

use crate::args::{EvalArgs, FormArgs};
use crate::commands::system::{self, Configuration, Modules};
use crate::context::Context;
use crate::evaluation::{self, Selection};
use crate::report::{Failure, Outcome};
use crate::request::{Input, Request};
use crate::stores::Access;
use eval::coerce::{self, Mode, Purpose, Text};
use eval::heap::Value;
use eval::interpret::Eval;
use eval::print::Pretty;
use eval::source::Position;
use eval::{json, print, select, xml};
use std::path::Path;

/// What a value is printed as.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// The language.
    #[default]
    Language,
    /// The language on one line, with errors where they are and derivations as their paths.
    Shown,
    /// The bytes of a string.
    Raw,
    /// XML.
    Xml,
    /// JSON.
    Json,
}

/// How values are printed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Printing {
    /// As what.
    pub(super) form: Form,
    /// Whether everything inside is evaluated, too.
    pub(super) strict: bool,
    /// Whether XML says where things are written.
    pub(super) locations: bool,
    /// Whether JSON has the store's copies of paths, rather than the paths.
    pub(super) copies: bool,
}

impl Printing {
    fn of(form: FormArgs) -> Self {
        let (strict, form) = match (form.json, form.xml, form.raw) {
            // JSON has no word for what is not evaluated.
            (true, ..) => (true, Form::Json),
            (_, true, _) => (form.strict, Form::Xml),
            (.., true) => (form.strict, Form::Raw),
            (false, false, false) => (form.strict, Form::Language),
        };
        Self { form, strict, locations: true, copies: true }
    }

    /// Returns what is printed for `value`.
    ///
    /// # Errors
    ///
    /// A value that the form cannot show, and whatever evaluation meets.
    pub(super) fn text<'h>(
        self,
        eval: &mut Eval<'h>,
        value: Value<'h>,
    ) -> eval::error::Result<Vec<u8>> {
        let mut text = Text::default();
        match self.form {
            Form::Language => {
                if self.strict {
                    print::force_deep(eval, value)?;
                }
                text.bytes = print::print_value(eval, value)?;
                text.bytes.push(b'\n');
            }
            Form::Shown => {
                let options = Pretty { depth_max: usize::MAX, colors: false, is_one_line: true };
                print::pretty(eval, value, options, &mut text.bytes)?;
                text.bytes.push(b'\n');
            }
            Form::Raw => {
                let why = "while generating the nix-instantiate output";
                let purpose = Purpose { position: Position::NONE, text: why };
                let string = coerce::to_string_for(eval, value, Mode::Interpolate, purpose)?;
                text.bytes.extend_from_slice(string.bytes());
            }
            Form::Xml => {
                let options = xml::Options { force: self.strict, locations: self.locations };
                xml::write(eval, value, options, &mut text)?;
            }
            Form::Json => {
                let options = json::Options { force: self.strict, copy_paths: self.copies };
                json::write(eval, value, options, &mut text)?;
                text.bytes.push(b'\n');
            }
        }
        Ok(text.bytes)
    }
}

/// Runs `nivis eval`.
pub(crate) fn run(cx: &mut Context, args: EvalArgs) -> Outcome {
    args.evaluation.apply(cx)?;
    if args.form.json {
        cx.settings.force("error-format", "json");
    }
    let printing = Printing::of(args.form);
    let request = args.evaluation.request();
    let access =
        if args.read_write_mode || request.is_flake { Access::Write } else { Access::Read };
    match &args.configuration {
        Some(configuration) => options(cx, configuration, &request, access, printing),
        None => values(cx, &request, access, printing),
    }
}

/// Evaluates what the request selects and prints each value.
///
/// # Errors
///
/// Whatever evaluation meets; what was printed before stays.
pub(super) fn values(
    cx: &Context,
    request: &Request,
    access: Access,
    printing: Printing,
) -> Outcome {
    let store = cx.lazy_store(access)?;
    evaluation::run_observed(cx, &store, access, |eval| {
        evaluation::each_selected(eval, request, "./default.nix", |eval, selection| {
            let Selection { mut value, arguments } = selection;
            if !arguments.is_empty() {
                value = select::auto_call(eval, value, arguments)?;
            }
            let text = printing.text(eval, value)?;
            Ok(cx.ui.data(text)?)
        })
    })
}

/// Evaluates options of a system configuration and prints each value.
fn options(
    cx: &Context,
    configuration: &Path,
    request: &Request,
    access: Access,
    printing: Printing,
) -> Outcome {
    if request.words.is_empty() {
        return Err(Failure::new("which option? such as `-c configuration.nix services`"));
    }
    let word = configuration.to_string_lossy();
    let configuration = Configuration::new(Modules::Named, Some(&word), false)?;
    let store = cx.lazy_store(access)?;
    evaluation::run_observed(cx, &store, access, |eval| {
        let arguments = evaluation::arguments(eval, request)?;
        configuration.with(cx, eval, false, |eval, system| {
            let values = system::part(eval, system, "config")?;
            for option in &request.words {
                let value = select::select(eval, values, option, arguments)?;
                let text = printing.text(eval, value)?;
                cx.ui.data(text)?;
            }
            Ok(())
        })
    })
}

/// Prints where the search path has each name.
///
/// # Errors
///
/// A name that it does not have, or one that lies inside the binary.
pub(super) fn find_files(cx: &Context, names: &[String]) -> Outcome {
    let store = cx.lazy_store(Access::Read)?;
    evaluation::run(cx, &store, Access::Read, |eval| {
        for name in names {
            let path = evaluation::named_file(eval, name)?;
            if path.root != eval::source::HOST {
                let shown = path.display();
                return Err(Failure::new(format!("'{shown}' has no physical path")).into());
            }
            let mut line = path.bytes.to_vec();
            line.push(b'\n');
            cx.ui.data(line)?;
        }
        Ok(())
    })
}

/// Returns the inputs that a request names, for those who only read them.
pub(super) fn inputs(request: &Request) -> Vec<Input> {
    request.inputs("./default.nix")
}
