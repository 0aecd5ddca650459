//! `doctor`: what a start of this package would meet on this machine, in the order in which it would meet it. It looks and changes
//! nothing; the store, the environment of the user and the file are judged by the functions that a start asks.

use flavor_store::data::examine as examine_data;
use flavor_store::environment::{require_slots, space_needed};
use flavor_store::location::places;
use flavor_store::private;
use flavor_store::publish::Records;
use flavor_store::root::{Root, Space};
use pspf::{ErrorCode, Package};

use super::{Asked, Context};
use crate::failure::{Failure, Result, escaped};
use crate::foreign;
use crate::json::{Object, array};
use crate::lifecycle::{Decided, decide};
use crate::package_file::PackageFile;
use crate::planning::require_target;
use crate::program::require_command;
use crate::settings::variable;
use crate::start;
use crate::trust;

struct Finding {
    name: &'static str,
    /// `ok`, `note` or `FAILED`.
    word: &'static str,
    detail: String,
}

#[derive(Default)]
struct Findings {
    all: Vec<Finding>,
    /// The first thing that would end a start.
    first: Option<Failure>,
}

impl Findings {
    fn judge(&mut self, name: &'static str, result: Result<String>) {
        let (word, detail) = match result {
            Ok(detail) => ("ok", detail),
            Err(failure) => {
                let detail = format!("{} [{}]", failure.message, failure.code);
                self.first.get_or_insert(failure);
                ("FAILED", detail)
            }
        };
        self.all.push(Finding { name, word, detail });
    }

    fn note(&mut self, name: &'static str, detail: String) {
        self.all.push(Finding { name, word: "note", detail });
    }
}

/// `doctor`; fails with the first thing that would end a start.
pub(super) fn doctor(context: &mut Context, asked: &Asked) -> Result<()> {
    let mut findings = Findings::default();
    match Package::open(context.file).map_err(Failure::from) {
        Err(failure) => findings.judge("package", Err(failure)),
        Ok(package) => {
            package.metadata().package.name.clone_into(context.name);
            examine(context, &package, &mut findings);
        }
    }
    let Findings { all, first } = findings;
    let json = |object: Object| {
        let findings = all.iter().map(|finding| {
            let object = Object::new().text("name", finding.name).text("state", finding.word);
            object.text("detail", &finding.detail).finish()
        });
        object.flag("ok", first.is_none()).raw("findings", &array(findings))
    };
    let lines = || {
        let line = |finding: &Finding| {
            format!("{:<6} {:<9} {}\n", finding.word, finding.name, escaped(&finding.detail))
        };
        all.iter().map(line).collect()
    };
    asked.print("doctor", json, lines);
    first.map_or(Ok(()), Err)
}

fn examine(context: &Context, package: &Package<&PackageFile>, findings: &mut Findings) {
    let info = &package.metadata().package;
    findings.judge("package", Ok(format!("{} {}, signature holds", info.name, info.version)));
    findings.judge("trust", trust::asked(package));
    if let Some(flavor) = package.flavor() {
        let words = || format!("built for {}_{}", flavor.target.os, flavor.target.arch);
        findings.judge("platform", require_target(flavor).map(|()| words()));
    }
    let planned = match planned(context, package) {
        Ok((words, decided)) => {
            findings.judge("commands", Ok(words));
            Some(decided)
        }
        Err(failure) => {
            findings.judge("commands", Err(failure));
            None
        }
    };
    if package.flavor().is_some() {
        let compared = package.verify_launcher().map_err(Failure::from);
        findings.judge("launcher", compared.map(|()| trust::of_the_launcher(package).into()));
    }
    findings.judge("slots", slots(package));
    // A valid receipt needs no place that can be written.
    let plan = start::vouched(context.file, context.log).ok().and_then(|(receipt, _)| receipt.plan());
    let warm = plan.filter(|plan| !plan.reads_content);
    if let Some(decided) = planned {
        for (_, path) in decided.iter().flat_map(|decided| &decided.data) {
            let judged = examine_data(path).map_err(Failure::from);
            findings.judge("data", judged.map(|there| format!("`{}`: {}", path.display(), is_there(there))));
        }
        let space = |root: Option<&Root>| match &decided {
            Some(decided) => space_needed(root, package, &decided.wanted),
            None => private::space_needed(root, package),
        };
        if !examine_places(space, findings) && warm.is_none() {
            let message = "no place for the store can be used";
            findings.judge("store", Err(Failure::new(ErrorCode::StoreLocation, message)));
        }
    }
    let receipt = match warm {
        Some(plan) => format!("the next start is warm: `{}`", plan.workenv.display()),
        None => "no receipt vouches for the store: the next start reads the package".into(),
    };
    findings.note("receipt", receipt);
}

/// What would run, and what the start does with the slots; `None` for packages in the words of the original.
fn planned(context: &Context, package: &Package<&PackageFile>) -> Result<(String, Option<Decided>)> {
    if foreign::is_native(package) {
        foreign::require_plan(package)?;
        return Ok(("its one command would run, in a private environment".into(), None));
    }
    let decided = decide(package, Records::Believed, variable)?;
    let plan = start::require_plan(package, &decided)?;
    require_slots(package, &decided.wanted.parts)?;
    let command = require_command(&plan, context.settings.command.as_deref())?;
    Ok((format!("{:?} would run", command.name), Some(decided)))
}

/// Every place that a start would try; whether one can be used.
fn examine_places(space: impl Fn(Option<&Root>) -> Space, findings: &mut Findings) -> bool {
    let mut usable = false;
    for place in places(variable) {
        let shown = format!("`{}` (from {})", place.path.display(), place.origin);
        match Root::examine(&place.path, &space) {
            Ok(there) => {
                let words = if there { "there is a store" } else { "a store can be made" };
                let taken = if usable { "" } else { "; a start takes this one" };
                findings.judge("place", Ok(format!("{shown}: {words}{taken}")));
                usable = true;
            }
            Err(reason) => findings.note("place", format!("{shown}: {reason}")),
        }
    }
    usable
}

fn slots(package: &Package<&PackageFile>) -> Result<String> {
    let mut compared = 0;
    for slot in 0..package.metadata().slots.len() {
        compared += usize::from(private::verify_slot(package, slot)?);
    }
    Ok(format!("{compared}, every digest holds"))
}

fn is_there(there: bool) -> &'static str {
    if there { "there already, and left alone" } else { "copied there by the next start" }
}
