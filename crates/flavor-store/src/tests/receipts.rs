use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;

use super::*;
use crate::BootId;
use crate::identity::Identity;
use crate::plan::{Condition, Edit, Plan, PlannedCommand};
use crate::receipt::{self, Expected, find, is_settled};
use crate::staging::Staging;
use crate::trust_source::{TrustRecord, TrustSource};
use crate::usage::Hold;
use pspf::layout::TRAILER_SIZE;

/// What the plan of [`Case`] depends on.
const HOME: (&str, &str) = ("HOME", "/home/user");

fn at_home(name: &OsStr) -> Option<OsString> {
    (name == HOME.0).then(|| HOME.1.into())
}

struct Case {
    store: Store,
    identity: Identity,
    trailer: Box<[u8; TRAILER_SIZE]>,
    plan: Plan,
    trust: TrustRecord,
    named: Vec<PathBuf>,
    /// Set where the package is known by its path.
    fixed: Option<&'static Path>,
}

impl Case {
    fn new() -> Self {
        let store = Store::new();
        Hold::create(&store.root, "demo-1.0-0123456789abcdef").expect("hold");
        let program = store.path().join("v1/slots/python");
        std::fs::write(&program, b"interpreter").expect("write");
        let identity = Identity { device: 1, inode: 2, size: 3, modified: (4, 5), changed: (6, 7) };
        let mut trailer = Box::new([0; TRAILER_SIZE]);
        trailer.iter_mut().zip(0_u32..).for_each(|(byte, number)| *byte = number.to_le_bytes()[0]);
        let command = |name: &str, cwd: Option<OsString>| PlannedCommand {
            name: name.into(),
            argv: vec![program.clone().into(), "-s".into(), OsString::from_vec(vec![0xff])],
            edits: vec![
                Edit::Unset("PYTHONPATH".into()),
                Edit::Set("A".into(), "".into()),
                Edit::Prepend("PATH".into(), "/w/scripts".into()),
                Edit::SetPackage("FLAVOR_PACKAGE".into()),
                Edit::SetOriginalCommand("FLAVOR_ORIGINAL_COMMAND".into()),
                Edit::Protect("LC_*".into()),
                Edit::UnsetMatching("*".into()),
                Edit::Rename("OLD".into(), "NEW".into()),
            ],
            cwd,
        };
        let plan = Plan {
            package: "demo".into(),
            workenv: store.path().join("v1/envs/demo-1.0-0123456789abcdef"),
            commands: vec![command("demo", None), command("demo-admin", Some("/".into()))],
            default: 1,
            stats: vec![program.clone(), store.path().join("v1/slots")],
            conditions: vec![
                Condition::Absent("XDG_DATA_HOME".into()),
                Condition::Equal("HOME".into(), "/home/user".into()),
                Condition::Directory(store.path().join("v1/slots")),
            ],
            reads_content: true,
        };
        let present = store.path().join("trust.json");
        std::fs::write(&present, b"{}").expect("write");
        let identity_of = |path: &PathBuf| crate::system::find(path).expect("stat").identity();
        let sources = vec![
            TrustSource { path: store.path().join("absent.json"), identity: None },
            TrustSource { identity: Some(identity_of(&present)), path: present },
        ];
        let named = sources.iter().map(|source| source.path.clone()).collect();
        Self {
            store,
            identity,
            trailer,
            plan,
            trust: TrustRecord { sources, expiry: None },
            named,
            fixed: None,
        }
    }

    fn expected(&self) -> Expected<'_> {
        Expected { package: self.identity, fixed: self.fixed, trailer: &self.trailer }
    }

    fn write(&self, boot: BootId) -> PathBuf {
        let staging = Staging::create(&self.store.root).expect("staging");
        let path = OsStr::new("/apps/demo.psp");
        let (root, expected) = (&self.store.root, self.expected());
        let written = receipt::write(root, &staging, &self.plan, path, &self.trust, expected, boot);
        assert!(written.expect("write"));
        self.store.path().join("v1/receipts").join(receipt::name(&self.expected()))
    }

    fn find(&self) -> std::result::Result<Plan, &'static str> {
        self.find_with(&[HOME])
    }

    fn find_with(&self, variables: &[(&str, &str)]) -> std::result::Result<Plan, &'static str> {
        let variable = |name: &OsStr| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        find(&self.store.root, self.expected(), &self.named, variable)
            .map(|receipt| receipt.plan().expect("plan"))
            .map_err(|miss| miss.reason)
    }
}

#[test]
fn a_receipt_gives_back_the_plan_that_was_written() {
    let case = Case::new();
    case.write(BootId::current());
    assert_eq!(case.find(), Ok(Plan { stats: Vec::new(), conditions: Vec::new(), ..case.plan.clone() }));
}

#[test]
fn a_receipt_altered_in_any_byte_is_not_believed() {
    let case = Case::new();
    let path = case.write(BootId::current());
    let written = std::fs::read(&path).expect("receipt");
    for position in 0..written.len() {
        let mut altered = written.clone();
        altered[position] ^= 1 << (position % 8);
        std::fs::write(&path, altered).expect("write");
        assert!(case.find().is_err(), "byte {position}");
    }
    for length in [0, 15, 175, 8375, written.len() - 1] {
        std::fs::write(&path, &written[..length]).expect("write");
        assert!(case.find().is_err(), "{length} bytes");
    }
    std::fs::write(&path, [written.as_slice(), b"x"].concat()).expect("write");
    assert!(case.find().is_err(), "a byte more");
    std::fs::write(&path, written).expect("write");
    assert!(case.find().is_ok());
}

#[test]
fn a_receipt_with_a_repaired_checksum_never_makes_a_start_panic() {
    let case = Case::new();
    let path = case.write(BootId::current());
    let written = std::fs::read(&path).expect("receipt");
    for position in (16..written.len()).filter(|position| !(176..8376).contains(position)) {
        for value in [0, 0x7f, 0xff] {
            let mut altered = written.clone();
            altered[position] = value;
            let sum = crate::checksum::checksum(&altered[16..]);
            altered[8..16].copy_from_slice(&sum.to_le_bytes());
            std::fs::write(&path, &altered).expect("write");
            if let Ok(receipt) = find(&case.store.root, case.expected(), &case.named, at_home) {
                assert!(receipt.plan().is_some(), "byte {position}");
            }
        }
    }
}

#[test]
fn a_program_whose_path_begins_at_the_users_folder_makes_a_receipt_malformed() {
    let mut case = Case::new();
    for program in ["bin/x", "./x", "../x", "x/", ".", ""] {
        case.plan.commands[0].argv[0] = program.into();
        case.write(BootId::current());
        assert_eq!(case.find(), Err("it is malformed"), "{program:?}");
    }
    for program in ["sh", "/bin/sh"] {
        case.plan.commands[0].argv[0] = program.into();
        case.write(BootId::current());
        assert!(case.find().is_ok(), "{program}");
    }
}

#[test]
fn s20_a_package_out_of_the_users_reach_is_known_by_path_size_and_trailer() {
    let case = Case { fixed: Some(Path::new("/apps/demo.psp")), ..Case::new() };
    let by_path = case.write(BootId::current());
    let finds = |expected: Expected| find(&case.store.root, expected, &case.named, at_home).is_ok();
    let own = case.identity;
    let restored = Identity { device: 9, inode: 9, modified: (9, 9), changed: (9, 9), ..own };
    assert!(finds(case.expected()) && finds(Expected { package: restored, ..case.expected() }));
    assert!(!finds(Expected { package: Identity { size: 4, ..own }, ..case.expected() }));
    assert!(!finds(Expected { fixed: Some(Path::new("/apps/other.psp")), ..case.expected() }));
    let mut trailer = case.trailer.clone();
    trailer[TRAILER_SIZE - 1] ^= 1;
    assert!(!finds(Expected { trailer: &trailer, ..case.expected() }));
    // Within reach, the very same file is another package, whatever its receipt is called.
    let reachable = Expected { fixed: None, ..case.expected() };
    assert!(!finds(reachable));
    let receipts = case.store.path().join("v1/receipts");
    std::fs::copy(&by_path, receipts.join(receipt::name(&reachable))).expect("copy");
    assert!(!finds(reachable));
    let other = Expected { fixed: Some(Path::new("/apps/other.psp")), ..case.expected() };
    std::fs::copy(&by_path, receipts.join(receipt::name(&other))).expect("copy");
    assert!(!finds(other));
    // And the other way round.
    let case = Case::new();
    let by_times = case.write(BootId::current());
    let fixed = Expected { fixed: Some(Path::new("/apps/demo.psp")), ..case.expected() };
    let receipts = case.store.path().join("v1/receipts");
    std::fs::copy(by_times, receipts.join(receipt::name(&fixed))).expect("copy");
    assert!(find(&case.store.root, fixed, &case.named, at_home).is_err());
}

#[test]
fn a_receipt_is_about_one_file_as_it_was() {
    let case = Case::new();
    case.write(BootId::current());
    let own = case.identity;
    for other in [
        Identity { size: 4, ..own },
        Identity { modified: (4, 6), ..own },
        Identity { modified: (5, 5), ..own },
        Identity { changed: (6, 8), ..own },
        Identity { changed: (5, 7), ..own },
    ] {
        assert!(
            find(&case.store.root, Expected { package: other, ..case.expected() }, &case.named, at_home)
                .is_err(),
            "{other:?}"
        );
    }
    for position in [0, 4, 140, 5000, TRAILER_SIZE - 1] {
        let mut trailer = case.trailer.clone();
        trailer[position] ^= 1;
        assert!(
            find(&case.store.root, Expected { trailer: &trailer, ..case.expected() }, &case.named, at_home)
                .is_err(),
            "{position}"
        );
    }
}

#[test]
fn a_receipt_of_another_boot_holds_only_if_it_is_durable() {
    let case = Case::new();
    case.write(BootId([9; 16]));
    assert_eq!(case.find(), Err("it is of another boot"));
    case.write(BootId::DURABLE);
    assert!(case.find().is_ok());
}

#[test]
fn a_changed_or_missing_file_of_the_plan_ends_the_receipt() {
    let case = Case::new();
    case.write(BootId::current());
    let program = &case.plan.stats[0];
    std::fs::write(program, b"Interpreter").expect("write");
    assert_eq!(case.find(), Err("a file that it names was changed"));
    case.write(BootId::current());
    assert!(case.find().is_ok());
    std::fs::remove_file(program).expect("remove");
    assert!(case.find().is_err());
}

#[test]
fn s20_a_clock_before_the_creation_or_a_passed_expiry_ends_the_receipt() {
    let case = Case::new();
    let path = case.write(BootId::current());
    let rewrite = |offset: usize, seconds: i64| {
        let mut bytes = std::fs::read(&path).expect("receipt");
        bytes[offset..offset + 8].copy_from_slice(&seconds.to_le_bytes());
        let sum = crate::checksum::checksum(&bytes[16..]);
        bytes[8..16].copy_from_slice(&sum.to_le_bytes());
        std::fs::write(&path, bytes).expect("write");
    };
    rewrite(56, receipt::now().0 + 1000);
    assert!(case.find().is_ok());
    rewrite(56, receipt::now().0);
    assert_eq!(case.find(), Err("it has expired"));
    rewrite(56, 0);
    rewrite(40, receipt::now().0 + 1000);
    assert_eq!(case.find(), Err("the clock is before its creation"));
}

#[test]
fn s20_an_added_changed_or_removed_trust_file_ends_the_receipt() {
    let case = Case::new();
    case.write(BootId::current());
    assert!(case.find().is_ok());
    let [absent, present] = case.named.as_slice() else { panic!("two sources") };
    let changed = Err("a trust file was added, changed or removed");
    // Even a link that leads nowhere is something that a start must look at.
    std::os::unix::fs::symlink("nowhere", absent).expect("link");
    assert_eq!(case.find(), changed);
    std::fs::remove_file(absent).expect("remove");
    assert!(case.find().is_ok());
    std::fs::write(present, b"[]").expect("write");
    assert_eq!(case.find(), changed);
    std::fs::remove_file(present).expect("remove");
    assert_eq!(case.find(), changed);
}

#[test]
fn s20_a_start_that_names_other_trust_files_does_not_take_the_receipt() {
    let mut case = Case::new();
    case.write(BootId::current());
    let named = case.named.clone();
    for other in [vec![], named[..1].to_vec(), vec![named[1].clone(), named[0].clone()]] {
        case.named = other;
        assert_eq!(case.find(), Err("other trust files are consulted"));
    }
    case.named = [named.as_slice(), &["/third".into()]].concat();
    assert_eq!(case.find(), Err("other trust files are consulted"));
    case.named = named;
    assert!(case.find().is_ok());
}

#[test]
fn s20_the_expiry_of_a_decision_is_that_of_the_receipt() {
    let mut case = Case::new();
    case.trust.expiry = Some(receipt::now().0 + 1000);
    case.write(BootId::current());
    assert!(case.find().is_ok());
    for expiry in [receipt::now().0, 1, 0, -1, i64::MIN] {
        case.trust.expiry = Some(expiry);
        case.write(BootId::current());
        assert_eq!(case.find(), Err("it has expired"), "{expiry}");
    }
}

#[test]
fn s20_a_package_that_was_just_changed_gets_no_receipt() {
    let identity = |modified, changed| Identity { device: 0, inode: 0, size: 0, modified, changed };
    let now = (1000, 500);
    assert!(is_settled(&identity((998, 500), (998, 500)), now));
    assert!(!is_settled(&identity((998, 501), (990, 0)), now));
    assert!(!is_settled(&identity((990, 0), (998, 501)), now));
    assert!(!is_settled(&identity((990, 0), (999, 0)), now));
    assert!(!is_settled(&identity((2000, 0), (990, 0)), now));
    assert!(!is_settled(&identity((i64::MAX, 0), (990, 0)), now));
}

#[test]
fn s17_a_receipt_that_is_no_private_regular_file_counts_as_absent() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let case = Case::new();
    let path = case.write(BootId::current());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o622)).expect("mode");
    assert_eq!(case.find(), Err("there is none"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
    assert!(case.find().is_ok());
    let second = path.with_extension("second");
    std::fs::hard_link(&path, &second).expect("link");
    assert_eq!(case.find(), Err("there is none"));
    std::fs::remove_file(&path).expect("remove");
    symlink(&second, &path).expect("link");
    assert_eq!(case.find(), Err("there is none"));
    std::fs::remove_file(&path).expect("remove");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .expect("fifo");
    assert_eq!(case.find(), Err("there is none"));
}

#[test]
fn a_plan_over_sixty_four_kibibytes_gets_no_receipt() {
    let mut case = Case::new();
    case.plan.commands[0].argv.push("x".repeat(60_000).into());
    let staging = Staging::create(&case.store.root).expect("staging");
    let path = OsStr::new("/apps/demo.psp");
    let (root, expected, boot) = (&case.store.root, case.expected(), BootId::current());
    let written = receipt::write(root, &staging, &case.plan, path, &case.trust, expected, boot);
    assert!(!written.expect("write"));
}

#[test]
fn the_last_use_is_stamped_once_a_day() {
    let case = Case::new();
    let path = case.write(BootId::current());
    let modified = || path.metadata().expect("metadata").modified().expect("time");
    let stamped = |age_hours: u64| {
        let then = std::time::SystemTime::now() - std::time::Duration::from_hours(age_hours);
        std::fs::File::options().write(true).open(&path).expect("open").set_modified(then).expect("time");
        let before = modified();
        find(&case.store.root, case.expected(), &case.named, at_home).expect("receipt").stamp();
        modified() != before
    };
    assert!(!stamped(1));
    assert!(stamped(25));
}

#[test]
fn a_receipt_holds_only_under_the_conditions_that_its_plan_was_made_under() {
    let case = Case::new();
    case.write(BootId::current());
    assert!(case.find().is_ok());
    for variables in [&[][..], &[("HOME", "/home/other")], &[HOME, ("XDG_DATA_HOME", "")]] {
        assert!(case.find_with(variables).is_err(), "{variables:?}");
    }
}
