//! A start with a waiting parent, from the program to the last clean-up (LAUNCH.md 15): the program runs, then the commands of
//! shutdown slots, then what only this start needed is removed, then this process ends as the program did.

use flavor_store::ZeroUmask;
use flavor_store::environment::unpack_privately;
use flavor_store::plan::Plan;
use flavor_store::staging::Staging;

use crate::failure::{Result, escaped};
use crate::output::to_stderr;
use crate::planning::{Named, flavor_of, planned_command};
use crate::program::{self, Given};
use crate::start::{Content, Supervised};
use crate::supervise::{self, Ending};

/// Returns the exit code of the program, unless a signal killed it: then this process dies of the same.
pub(crate) fn run(plan: &Plan, supervised: Supervised, given: Given, name: &str) -> Result<i32> {
    let Supervised { staging, content } = supervised;
    let release = content.as_ref().is_none_or(|content| content.decided.shutdown.is_empty());
    let ending = program::run(plan, given, release)?;
    given.log.phase("program");
    if let Some(mut content) = content {
        for (slot, command) in std::mem::take(&mut content.decided.shutdown) {
            match after(&staging, &mut content, slot, &command, given) {
                Ok(Ending::Code(0)) => {}
                // The program's own result counts; this one is only told.
                Ok(ending) => {
                    let ending = ending.words();
                    notice(name, &format!("the shutdown command {command:?} ended with {ending}"));
                }
                Err(failure) => notice(name, &format!("{} [{}]", failure.message, failure.code)),
            }
        }
    }
    drop(staging);
    given.log.phase("clean-up");
    Ok(supervise::end_as(ending))
}

/// Unpacks a shutdown slot, checking its digests only now (S19), and runs the command of its name.
fn after(
    staging: &Staging,
    content: &mut Content,
    slot: usize,
    command: &str,
    given: Given,
) -> Result<Ending> {
    let umask = ZeroUmask::set();
    let Content { package, decided, places, root } = content;
    places.slots[slot] = Some(unpack_privately(staging, package, slot)?);
    given.package.require_unchanged()?;
    drop(umask);
    decided.absent.retain(|absent| *absent != slot);
    for (slot, path) in &decided.data {
        places.slots[*slot].get_or_insert_with(|| path.clone());
    }
    let named = Named { places, absent: &decided.absent, store: root.path() };
    let flavor = flavor_of(package)?;
    let planned = planned_command(package.metadata(), flavor, &named, command, &flavor.commands[command])?;
    program::run_command(&planned, &[], given, false)
}

fn notice(name: &str, text: &str) {
    to_stderr(&format!("{}: notice: {}\n", escaped(name), escaped(text)));
}
