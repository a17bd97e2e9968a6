//! What can be typed after `nivis`; the comments here are its help.

use crate::context::Context;
use crate::installable::{self, Features, Locking};
use crate::report::Outcome;
use crate::request::{Argument, Request};
use crate::settings::Settings;
use crate::ui::Ui;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Edit, evaluate, build and switch whole systems described in the Nix language.
#[derive(Parser, Debug)]
#[command(name = "nivis", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Nivis {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What `nivis` can do.
#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Evaluates an expression and prints its value.
    Eval(EvalArgs),
    /// Parses a file and prints what was understood.
    Parse(ParseArgs),
    /// Evaluates the derivations of a set, and prints a line of JSON for each.
    EvalJobs(EvalJobsArgs),
    /// Evaluates to derivations, writes them to the store and prints their paths.
    Instantiate(InstantiateArgs),
    /// Builds derivations and links to their outputs.
    Build(BuildArgs),
    /// Evaluates a system, shows what changes, builds it and makes it the active one.
    Switch(SwitchArgs),
    /// Makes an earlier generation of a system the active one.
    Rollback(RollbackArgs),
    /// Lists the generations of a system.
    Generations(GenerationsArgs),
    /// Runs a command inside a system that was staged with `switch --root`.
    Enter(EnterArgs),
    /// Deletes what no root needs from the store.
    Gc(GcArgs),
    /// Tells an option's value, type, documentation, and where it is defined.
    Option(OptionArgs),
    /// Evaluates system configurations and tells all that is wrong with them.
    Check(CheckArgs),
    /// Tells what an error code means and how such an error is mended.
    Explain(ExplainArgs),
    /// Opens a prompt that evaluates what is typed.
    Repl(ReplArgs),
    /// Shows and locks flakes.
    Flake(FlakeArgs),
    /// Serves an editor over stdin and stdout.
    Lsp,
}

/// What to evaluate, and how.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct EvaluationArgs {
    /// Files, directories, `<name>`s, or `-` for stdin; with -E the expressions themselves.
    #[arg(value_name = "FILE")]
    pub(crate) inputs: Vec<String>,
    /// Takes the words as expressions.
    #[arg(short = 'E', long = "expr")]
    pub(crate) is_expression: bool,
    /// Takes the words as flakes with an attribute, such as `.#hello`.
    #[arg(long = "flake", conflicts_with_all = ["is_expression", "attributes"])]
    pub(crate) is_flake: bool,
    /// Lets a flake see the host's files, environment and clock.
    #[arg(long, requires = "is_flake")]
    pub(crate) impure: bool,
    #[command(flatten)]
    pub(crate) locking: LockArgs,
    /// Selects an attribute, such as `hello.drvPath`; may be repeated.
    #[arg(short = 'A', long = "attr", value_name = "PATH")]
    pub(crate) attributes: Vec<String>,
    /// Passes an expression as an argument to functions at the top.
    #[arg(long, num_args = 2, value_names = ["NAME", "EXPR"], allow_hyphen_values = true)]
    pub(crate) arg: Vec<String>,
    /// Passes a string as an argument to functions at the top.
    #[arg(long, num_args = 2, value_names = ["NAME", "TEXT"], allow_hyphen_values = true)]
    pub(crate) argstr: Vec<String>,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// What becomes of the lock file of a flake.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct LockArgs {
    /// Takes another tree for an input, this time.
    #[arg(long, num_args = 2, value_names = ["INPUT", "FLAKE"])]
    pub(crate) override_input: Vec<String>,
    /// Leaves a lock file that is out of date as it is.
    #[arg(long)]
    pub(crate) no_write_lock_file: bool,
    /// Fails if the lock file is out of date.
    #[arg(long)]
    pub(crate) no_update_lock_file: bool,
    /// Commits a lock file that was written.
    #[arg(long)]
    pub(crate) commit_lock_file: bool,
    /// Starts from this lock file, instead of the flake's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) reference_lock_file: Option<PathBuf>,
    /// Writes this lock file, instead of the flake's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) output_lock_file: Option<PathBuf>,
    /// Makes names stand for the inputs of this flake; may be repeated.
    #[arg(long, value_name = "FLAKE")]
    pub(crate) inputs_from: Vec<String>,
}

impl LockArgs {
    /// Returns what was asked for.
    pub(crate) fn locking(&self) -> Locking {
        let overrides: Vec<_> =
            pairs(&self.override_input).map(|(path, it)| (path.clone(), it.clone())).collect();
        Locking {
            keeps_file: self.no_write_lock_file || !overrides.is_empty(),
            is_frozen: self.no_update_lock_file,
            commits: self.commit_lock_file,
            reference_file: self.reference_lock_file.clone(),
            output_file: self.output_lock_file.clone(),
            inputs_from: self.inputs_from.clone(),
            overrides,
            ..Locking::default()
        }
    }
}

/// Settings on the command line.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct SettingsArgs {
    /// Adds an entry, `name=path` or `path`, to the search path, before `NIX_PATH`.
    #[arg(short = 'I', long = "include", value_name = "ENTRY")]
    pub(crate) include: Vec<String>,
    /// Sets a setting.
    #[arg(long = "option", num_args = 2, allow_hyphen_values = true)]
    #[arg(value_names = ["NAME", "VALUE"])]
    pub(crate) options: Vec<String>,
    /// Shows the whole way to an error.
    #[arg(long)]
    pub(crate) show_trace: bool,
    /// Uses the store in this directory, or `dummy://` for one that stays empty.
    #[arg(long, value_name = "STORE")]
    pub(crate) store: Option<String>,
}

impl SettingsArgs {
    /// Writes the flags into the settings.
    ///
    /// # Errors
    ///
    /// When a value is not of its setting's kind.
    pub(crate) fn apply(&self, ui: Ui, settings: &mut Settings) -> Outcome {
        settings.search_path.extend(self.include.iter().cloned());
        for (name, value) in pairs(&self.options) {
            settings.set_option(ui, name, value)?;
        }
        if self.show_trace {
            settings.force("show-trace", "true");
        }
        if let Some(store) = &self.store {
            settings.force("store", store);
        }
        Ok(())
    }
}

fn pairs(flat: &[String]) -> impl Iterator<Item = (&String, &String)> {
    flat.chunks_exact(2).filter_map(|pair| match pair {
        [name, value] => Some((name, value)),
        _ => None,
    })
}

impl EvaluationArgs {
    /// Writes the flags into the settings, and turns on what flakes need.
    ///
    /// # Errors
    ///
    /// When a value is not of its setting's kind.
    pub(crate) fn apply(&self, cx: &mut Context) -> Outcome {
        self.settings.apply(cx.ui, &mut cx.settings)?;
        if self.is_flake { installable::prepare(cx, Features::Flakes, self.impure) } else { Ok(()) }
    }

    /// Returns what is asked for.
    pub(crate) fn request(&self) -> Request {
        let expressions = pairs(&self.arg)
            .map(|(name, value)| (name.clone(), Argument::Expression(value.clone())));
        let texts =
            pairs(&self.argstr).map(|(name, value)| (name.clone(), Argument::Text(value.clone())));
        Request {
            words: self.inputs.clone(),
            is_expression: self.is_expression,
            is_flake: self.is_flake,
            locking: self.locking.locking(),
            attributes: self.attributes.clone(),
            arguments: expressions.chain(texts).collect(),
        }
    }
}

/// The arguments of `nivis eval`.
#[derive(Args, Debug)]
pub(crate) struct EvalArgs {
    #[command(flatten)]
    pub(crate) evaluation: EvaluationArgs,
    #[command(flatten)]
    pub(crate) form: FormArgs,
    /// Writes derivations and files to the store, for expressions that read what they build.
    #[arg(long)]
    pub(crate) read_write_mode: bool,
    /// Evaluates the words as option paths of this system configuration.
    #[arg(short = 'c', long = "configuration", value_name = "FILE")]
    #[arg(conflicts_with_all = ["is_expression", "attributes"])]
    pub(crate) configuration: Option<PathBuf>,
}

/// The arguments of `nivis eval-jobs`.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct EvalJobsArgs {
    #[command(flatten)]
    pub(crate) evaluation: EvaluationArgs,
    /// Tells the `meta` of each derivation.
    #[arg(long)]
    pub(crate) meta: bool,
    /// Searches all sets, also those without `recurseForDerivations = true`.
    #[arg(long)]
    pub(crate) force_recurse: bool,
    /// Tells the derivations that each one needs.
    #[arg(long)]
    pub(crate) show_input_drvs: bool,
    /// Tells whether outputs are in the store, in a cache, or have to be built.
    #[arg(long)]
    pub(crate) check_cache_status: bool,
    /// Computes the paths of derivations without writing them to the store.
    #[arg(long)]
    pub(crate) no_instantiate: bool,
    /// Keeps each derivation alive through a link in this directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) gc_roots_dir: Option<PathBuf>,
    /// Searches what this function makes of the value.
    #[arg(long, value_name = "FUNCTION")]
    pub(crate) select: Option<String>,
    /// Tells what this function makes of each derivation, as `extraValue`.
    #[arg(long, value_name = "FUNCTION")]
    pub(crate) apply: Option<String>,
    /// How many processes evaluate; `auto` for one per core.
    #[arg(long, visible_alias = "workers", value_name = "N")]
    pub(crate) threads: Option<String>,
    /// A process whose values grow by so many megabytes is replaced.
    #[arg(long, value_name = "MEGABYTES")]
    pub(crate) max_memory_size: Option<usize>,
}

/// The arguments of `nivis repl`.
#[derive(Args, Debug)]
pub(crate) struct ReplArgs {
    /// What is loaded first: the attributes of these values become variables.
    #[command(flatten)]
    pub(crate) evaluation: EvaluationArgs,
}

/// How a value is printed.
#[derive(Args, Clone, Copy, Default, Debug)]
pub(crate) struct FormArgs {
    /// Evaluates everything inside the value, too.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Prints JSON.
    #[arg(long, conflicts_with_all = ["xml", "raw"])]
    pub(crate) json: bool,
    /// Prints XML.
    #[arg(long, conflicts_with = "raw")]
    pub(crate) xml: bool,
    /// Prints a string as it is, without quotes and without a newline.
    #[arg(long)]
    pub(crate) raw: bool,
}

/// The arguments of `nivis parse`.
#[derive(Args, Debug)]
pub(crate) struct ParseArgs {
    /// Files, or `-` for stdin; with -E the expressions themselves.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) inputs: Vec<String>,
    /// Takes the words as expressions.
    #[arg(short = 'E', long = "expr")]
    pub(crate) is_expression: bool,
    /// Prints the whole tree with blanks and comments instead of the expression.
    #[arg(long)]
    pub(crate) tree: bool,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// The arguments of `nivis instantiate`.
#[derive(Args, Debug)]
pub(crate) struct InstantiateArgs {
    #[command(flatten)]
    pub(crate) evaluation: EvaluationArgs,
    /// Keeps the derivations alive through a link called this.
    #[arg(long, value_name = "LINK")]
    pub(crate) add_root: Option<PathBuf>,
}

/// The arguments of `nivis build`.
#[derive(Args, Debug)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) evaluation: EvaluationArgs,
    /// The name of the link to the result.
    #[arg(short, long, value_name = "LINK", default_value = "result")]
    pub(crate) out_link: PathBuf,
    /// Makes no link.
    #[arg(long)]
    pub(crate) no_out_link: bool,
    /// Builds again and compares.
    #[arg(long)]
    pub(crate) check: bool,
    /// Only tells what would be built.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Builds what still can be built when something fails.
    #[arg(short = 'k', long)]
    pub(crate) keep_going: bool,
    /// Keeps the directory of a failed build.
    #[arg(short = 'K', long)]
    pub(crate) keep_failed: bool,
    /// How many builds run at once; `auto` for one per core.
    #[arg(short = 'j', long, value_name = "N")]
    pub(crate) max_jobs: Option<String>,
}

/// Where a system lies.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct RootArgs {
    /// The directory that holds the system: its store, profiles, boot menu and etc lie below it.
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
}

/// The arguments of `nivis switch`.
#[derive(Args, Debug)]
pub(crate) struct SwitchArgs {
    /// The configuration; without it `<nixos-config>`, or /etc/nixos/configuration.nix.
    #[arg(value_name = "FILE")]
    pub(crate) configuration: Option<String>,
    /// Takes a configuration of a flake, such as `.#laptop`; without a name this machine's.
    #[arg(long, value_name = "FLAKE", conflicts_with = "configuration")]
    pub(crate) flake: Option<String>,
    /// Lets the flake see the host's files, environment and clock.
    #[arg(long, requires = "flake")]
    pub(crate) impure: bool,
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// Asks before anything changes.
    #[arg(short, long)]
    pub(crate) ask: bool,
    /// Only shows what would change.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// The arguments of `nivis rollback`.
#[derive(Args, Debug)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// The generation to go to; without it the one before the active one.
    #[arg(long, value_name = "N")]
    pub(crate) to: Option<u64>,
}

/// The arguments of `nivis generations`.
#[derive(Args, Debug)]
pub(crate) struct GenerationsArgs {
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// Prints JSON: `{"version": 1, "generations": [...]}`.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of `nivis enter`.
#[derive(Args, Debug)]
pub(crate) struct EnterArgs {
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// The program and its arguments, as they are called inside.
    #[arg(value_name = "CMD", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<String>,
}

/// The arguments of `nivis gc`.
#[derive(Args, Debug)]
pub(crate) struct GcArgs {
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// Only tells what would be deleted.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// First forgets all generations but the active one.
    #[arg(short = 'd', long)]
    pub(crate) delete_old: bool,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// The arguments of `nivis option`.
#[derive(Args, Debug)]
pub(crate) struct OptionArgs {
    /// The options, such as `services.nginx.enable`; a set of options lists what is in it.
    #[arg(value_name = "OPTION", required = true)]
    pub(crate) names: Vec<String>,
    /// The configuration; without it `<nixos-config>`, or the empty one.
    #[arg(short = 'c', long = "configuration", value_name = "FILE")]
    pub(crate) configuration: Option<String>,
    /// Prints JSON: `{"version": 1, "options": [...]}`.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// The arguments of `nivis check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// The configuration; without it ./configuration.nix, ./flake.nix or `<nixos-config>`.
    #[arg(value_name = "FILE")]
    pub(crate) configuration: Option<String>,
    /// Takes a configuration of a flake, such as `.#laptop`; without a name all of them.
    #[arg(long, value_name = "FLAKE", conflicts_with = "configuration")]
    pub(crate) flake: Option<String>,
    /// Lets a flake see the host's files, environment and clock.
    #[arg(long)]
    pub(crate) impure: bool,
    /// Prints JSON: `{"version": 1, "configurations": [...]}`.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// The arguments of `nivis explain`.
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// The codes, such as M0201; without one all are listed.
    #[arg(value_name = "CODE")]
    pub(crate) codes: Vec<String>,
}

/// The arguments of `nivis flake`.
#[derive(Args, Debug)]
pub(crate) struct FlakeArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: FlakeVerb,
    #[command(flatten)]
    pub(crate) locking: LockArgs,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// What `nivis flake` can do.
#[derive(Subcommand, Debug)]
pub(crate) enum FlakeVerb {
    /// Tells where a flake comes from, and its inputs.
    Metadata {
        /// The flake; without it the one here.
        flake: Option<String>,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Brings the lock file up to date, and leaves what is locked as it is.
    Lock {
        /// The flake; without it the one here.
        flake: Option<String>,
    },
    /// Locks the newest trees.
    Update {
        /// The inputs to update; without any it is all.
        #[arg(value_name = "INPUT")]
        inputs: Vec<String>,
        /// The flake; without it the one here.
        #[arg(long)]
        flake: Option<String>,
    },
    /// Shows the outputs of a flake.
    Show {
        /// The flake; without it the one here.
        flake: Option<String>,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
        /// Shows outputs for other systems, too.
        #[arg(long)]
        all_systems: bool,
        /// Shows `legacyPackages`, too.
        #[arg(long)]
        legacy: bool,
    },
    /// Evaluates all outputs of a flake and builds its checks.
    Check {
        /// The flake; without it the one here.
        flake: Option<String>,
        /// Looks at outputs for other systems, too.
        #[arg(long)]
        all_systems: bool,
        /// Builds nothing.
        #[arg(long)]
        no_build: bool,
    },
    /// Brings a flake and all its inputs into a store.
    Archive {
        /// The flake; without it the one here.
        flake: Option<String>,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
        /// Fetches nothing, and only tells the paths.
        #[arg(long)]
        dry_run: bool,
        /// Copies the trees to this store, too.
        #[arg(long, value_name = "STORE")]
        to: Option<String>,
    },
    /// Clones the repository of a flake.
    Clone {
        /// The flake; without it the one here.
        flake: Option<String>,
        /// Where to clone it to.
        #[arg(short = 'f', long)]
        dest: PathBuf,
    },
    /// Brings the tree of a flake into the store and tells what it is.
    Prefetch {
        /// The flake; without it the one here.
        flake: Option<String>,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
        /// Makes a link to the tree.
        #[arg(short = 'o', long, value_name = "LINK")]
        out_link: Option<PathBuf>,
    },
    /// Brings the inputs of a flake into the store.
    PrefetchInputs {
        /// The flake; without it the one here.
        flake: Option<String>,
    },
    /// Writes a first `flake.nix`, or what a template has.
    Init {
        /// The template, such as `templates#rust`.
        #[arg(short = 't', long)]
        template: Option<String>,
    },
    /// Makes a directory with a first `flake.nix`, or with what a template has.
    New {
        /// The directory.
        dest: PathBuf,
        /// The template, such as `templates#rust`.
        #[arg(short = 't', long)]
        template: Option<String>,
    },
}
