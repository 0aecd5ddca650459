//! Assembly: plan, launcher and key in, one signed package file out.
//!
//! Guaranteed: same plan, trees, launcher, key and time stamp give the same bytes; the file appears complete, with
//! mode 0755, or not at all; it was opened by the reader before it got its name. The launcher is copied and hashed,
//! never executed. Folders are not created, and no child process is started (security rule S25).

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use pspf::keys::SigningKey;
use pspf::layout::TRAILER_SIZE;
use pspf::operations::OperationChain;
use pspf::render::Rendering;
use pspf::{Metadata, Package, hex, keys, layout, render, tar};
use sha2::{Digest as _, Sha256};

use crate::document::{self, Facts};
use crate::frame_cache::FrameCache;
use crate::frames::{Compression, Meter, Stored};
use crate::keys::KeySource;
use crate::material::{Material, Surveyor};
use crate::plan::Plan;
use crate::progress::{Progress, Stage};
use crate::{Error, Result, compose, executable, place, store};

/// Compression levels that callers may choose: development, default, release.
pub const LEVELS: [i32; 3] = [3, 9, 19];
/// More threads than this only cost memory.
const THREADS_MAX: usize = 16;
/// Launchers have a few megabytes; a longer file is something else.
const LAUNCHER_LIMIT: u64 = 256 * 1024 * 1024;
/// Last second that a plain tar header can hold.
const LAST_SECOND: u64 = 0o777_7777_7777;
/// 1980-01-01T00:00:00Z: ZIP files made of package files cannot hold an earlier time.
const FIRST_SECOND: u64 = 315_532_800;
const PIECE: usize = 1024 * 1024;
/// As long as the largest alignment.
static ZEROS: [u8; 16 * 1024] = [0; 16 * 1024];
/// The original's Go launcher 0.0.1026 reads this many bytes of every slot before it looks at the slot's length.
const GO_LAUNCHER_READS: u64 = 16;
/// Where the original's Rust launcher stops reading the metadata that it checks the signature of.
const RUST_LAUNCHER_READS: usize = 1024 * 1024;

/// What to assemble.
pub struct Request {
    /// The plan as JSON text.
    pub manifest_json: String,
    /// What relative sources are relative to.
    pub base: PathBuf,
    /// What `{workenv}` in sources stands for; `base` when absent.
    pub workenv_base: Option<PathBuf>,
    /// The package file; its folder must exist.
    pub output: PathBuf,
    /// The launcher to embed.
    pub launcher: PathBuf,
    /// Lower hex SHA-256 that the launcher must have.
    pub launcher_sha256: Option<String>,
    /// One of [`LEVELS`].
    pub level: i32,
    /// Number of compression threads; as many as there are cores when absent.
    pub threads: Option<usize>,
    /// Who signs.
    pub key: KeySource,
    /// Seconds since 1970 for archive members and the build record, not before 1980.
    pub source_date_epoch: Option<u64>,
    /// 4096 or 16384: slots begin at multiples of it. What the plan says when absent.
    pub alignment: Option<u64>,
    /// Folder of compressed frames of earlier builds, which the caller made for nobody but the user; none are looked
    /// for, and none kept, when absent. The package is the same either way.
    pub build_cache: Option<PathBuf>,
}

/// A finished package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembled {
    /// The file.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    /// Lower hex SHA-256 of the whole file.
    pub sha256: String,
    /// Lower hex SHA-256 of the public key.
    pub fingerprint: String,
    /// What became of each slot.
    pub slots: Vec<AssembledSlot>,
    /// What a person should know although nothing failed.
    pub warnings: Vec<String>,
}

/// One slot of a finished package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssembledSlot {
    /// Name of the slot.
    pub id: String,
    /// Bytes in the package.
    pub stored: u64,
    /// Bytes that the frames hold; those in the package where there are no frames.
    pub content: u64,
    /// Members of any kind.
    pub members: u64,
    /// Independently compressed parts.
    pub frames: u64,
}

/// Assembles a package.
pub fn assemble(request: &Request, progress: &dyn Progress) -> Result<Assembled> {
    progress.check()?;
    let cache = request.build_cache.as_deref().map(FrameCache::new);
    let compression = compression(request, cache.as_ref())?;
    let mut plan = Plan::parse(&request.manifest_json)?;
    let folder = output_folder(&request.output)?;
    // Created at once: an unwritable place is found before minutes of work. The file has no name.
    let mut spool = tempfile::tempfile_in(folder)
        .map_err(Error::output("write in the folder of the output", &request.output))?;
    let launcher = read_launcher(&request.launcher, request.launcher_sha256.as_deref())?;
    let mut flavor = plan.flavor(target(request, &launcher, &plan)?);
    flavor.alignment = alignment(request, flavor.alignment)?;
    let key = request.key.signing_key()?;
    let mut warnings = std::mem::take(&mut plan.warnings);
    let materials = survey(request, &plan, folder, &mut warnings, progress)?;
    compose::check_members(&flavor, &materials)?;
    compose::check_names(&flavor, &materials)?;

    let stored = compress(&plan, &materials, compression, folder, &mut spool, progress)?;
    let mtime = compression.mtime;
    warnings.extend(cache.and_then(FrameCache::into_warning));
    let public_key = key.public_key();
    let json = document::render(
        &plan,
        &flavor,
        &Facts {
            launcher_size: launcher.len() as u64,
            launcher_sha256: Sha256::digest(&launcher).into(),
            materials: &materials,
            stored: &stored,
            signer: keys::fingerprint(&public_key),
            timestamp: mtime,
        },
    )?;
    let rendering = sign(&json, &key)?;
    let (size, sha256) =
        write(&request.output, folder, &launcher, &rendering, &mut spool, &stored, progress)?;
    warn_about_the_original(&plan, &stored, json.len(), &mut warnings);
    let slots =
        plan.slots.iter().zip(&materials).zip(&stored).map(|((slot, (material, _)), stored)| AssembledSlot {
            id: slot.id.clone(),
            stored: stored.bytes,
            content: stored.content(),
            members: material.unpacked().members,
            frames: stored.frames.len() as u64,
        });
    Ok(Assembled {
        path: request.output.clone(),
        size,
        sha256,
        fingerprint: hex::encode(&keys::fingerprint(&public_key)),
        slots: slots.collect(),
        warnings,
    })
}

/// What the launcher is for. Asked for only where the plan does not say it.
fn target(request: &Request, launcher: &[u8], plan: &Plan) -> Result<pspf::metadata::Target> {
    if let Some(stated) = &plan.extensions.flavor {
        return Ok(stated.target.clone());
    }
    let found = executable::target(launcher).map_err(|message| Error::Launcher {
        path: request.launcher.clone(),
        message: format!("the launcher cannot be embedded, {message}"),
    })?;
    Ok(found.unwrap_or_else(executable::host))
}

fn alignment(request: &Request, stated: Option<u64>) -> Result<Option<u64>> {
    let Some(asked) = request.alignment else { return Ok(stated) };
    let option = |message: String| Err(Error::Option { message });
    if !layout::PAGE_ALIGNMENTS.contains(&asked) {
        return option(format!("alignment {asked}, expected one of {:?}", layout::PAGE_ALIGNMENTS));
    }
    match stated.filter(|stated| *stated != asked) {
        Some(stated) => option(format!("alignment {asked}, but the plan says {stated}")),
        None => Ok(Some(asked)),
    }
}

fn survey(
    request: &Request,
    plan: &Plan,
    folder: &Path,
    warnings: &mut Vec<String>,
    progress: &dyn Progress,
) -> Result<Vec<(Material, OperationChain)>> {
    let surveyor = Surveyor {
        base: &request.base,
        workenv_base: request.workenv_base.as_deref().unwrap_or(&request.base),
        folder,
        progress,
        warnings: Mutex::new(Vec::new()),
    };
    let mut materials = Vec::with_capacity(plan.slots.len());
    for (position, slot) in plan.slots.iter().enumerate() {
        materials.push(surveyor.survey(position, slot)?);
    }
    warnings.extend(surveyor.warnings.into_inner().unwrap_or_else(PoisonError::into_inner));
    Ok(materials)
}

/// What readers of ours do not mind, but those of the original do. Packages with commands are not for them.
fn warn_about_the_original(plan: &Plan, stored: &[Stored], json: usize, warnings: &mut Vec<String>) {
    if !plan.is_plain() {
        return;
    }
    for (slot, stored) in plan.slots.iter().zip(stored) {
        if stored.bytes < GO_LAUNCHER_READS {
            warnings.push(format!(
                "slot {:?} has {} stored bytes: the original's Go launcher 0.0.1026 stops at slots of fewer than {GO_LAUNCHER_READS}",
                slot.id, stored.bytes
            ));
        }
    }
    if json > RUST_LAUNCHER_READS {
        warnings.push(format!(
            "the metadata has {json} bytes: the original's Rust launchers check signatures of at most {RUST_LAUNCHER_READS}"
        ));
    }
}

fn compression<'a>(request: &Request, cache: Option<&'a FrameCache>) -> Result<Compression<'a>> {
    let option = |message: String| Err(Error::Option { message });
    if !LEVELS.contains(&request.level) {
        return option(format!("compression level {}, expected 3, 9 or 19", request.level));
    }
    let mtime = request.source_date_epoch.unwrap_or(tar::DEFAULT_MTIME);
    if !(FIRST_SECOND..=LAST_SECOND).contains(&mtime) {
        return option(format!("SOURCE_DATE_EPOCH {mtime}, expected a time from {FIRST_SECOND} (1980) on"));
    }
    let threads = match request.threads {
        Some(0) => return option("0 threads, expected at least 1".to_owned()),
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    };
    Ok(Compression { level: request.level, threads: threads.min(THREADS_MAX), mtime, cache })
}

fn output_folder(output: &Path) -> Result<&Path> {
    let refuse = |action, kind: io::ErrorKind| Err(Error::output(action, output)(kind.into()));
    if output.file_name().is_none() || output.is_dir() {
        return refuse("write the package", io::ErrorKind::IsADirectory);
    }
    let folder = place::folder_of(output);
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(folder),
        Ok(_) => refuse("write in the folder of the output", io::ErrorKind::NotADirectory),
        Err(error) => Err(Error::output("write in the folder of the output", output)(error)),
    }
}

fn read_launcher(path: &Path, expected: Option<&str>) -> Result<Vec<u8>> {
    let refuse = |message: String| Err(Error::Launcher { path: path.to_path_buf(), message });
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return refuse("the launcher to embed does not exist".to_owned());
        }
        opened => opened.map_err(Error::io("open the launcher", path))?,
    };
    let mut launcher = Vec::new();
    file.take(LAUNCHER_LIMIT + 1).read_to_end(&mut launcher).map_err(Error::io("read the launcher", path))?;
    if launcher.is_empty() || launcher.len() as u64 > LAUNCHER_LIMIT {
        return refuse(format!("the launcher to embed is empty or longer than {LAUNCHER_LIMIT} bytes"));
    }
    if launcher.len() >= TRAILER_SIZE && launcher.ends_with(&layout::END_MARKER) {
        return refuse("the launcher to embed is a package itself".to_owned());
    }
    let found = hex::encode(&Sha256::digest(&launcher));
    match expected {
        Some(expected) if expected != found => refuse(format!(
            "the launcher to embed is not the expected one (got {found}, expected {expected})"
        )),
        _ => Ok(launcher),
    }
}

fn compress(
    plan: &Plan,
    materials: &[(Material, OperationChain)],
    compression: Compression<'_>,
    folder: &Path,
    spool: &mut File,
    progress: &dyn Progress,
) -> Result<Vec<Stored>> {
    let total = materials.iter().map(|(material, _)| material.bytes()).sum();
    let done = AtomicU64::new(0);
    let slots = materials.iter().zip(&plan.slots);
    slots
        .map(|((material, chain), slot)| {
            let meter = Meter { progress, stage: Stage::Compress, done: &done, total, detail: &slot.id };
            let compression = Compression { level: slot.level.unwrap_or(compression.level), ..compression };
            store::store(material, chain, compression, folder, spool, &meter)
        })
        .collect()
}

fn sign(json: &[u8], key: &SigningKey) -> Result<Rendering> {
    let metadata = pspf::strict_json::check(json).and_then(|()| Metadata::decode(json))?;
    Ok(render::render(json, &metadata, key.public_key(), key.sign(json))?)
}

/// The file as it is written: hashed, counted, and reported.
struct Output<'a> {
    file: &'a mut File,
    hasher: Sha256,
    position: u64,
    meter: Meter<'a>,
    path: &'a Path,
}

impl Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(Error::output("write the package", self.path))?;
        self.hasher.update(bytes);
        self.position += bytes.len() as u64;
        self.meter.advance(bytes.len())
    }

    /// Fills the gap before `offset`, which is shorter than the largest alignment of the format.
    fn align(&mut self, offset: u64) -> Result<()> {
        let gap = offset.checked_sub(self.position).and_then(|gap| usize::try_from(gap).ok());
        match gap.filter(|gap| *gap < ZEROS.len()) {
            Some(gap) => self.write(&ZEROS[..gap]),
            None => Err(Error::Internal { message: format!("part at {offset}, file at {}", self.position) }),
        }
    }
}

fn write(
    path: &Path,
    folder: &Path,
    launcher: &[u8],
    rendering: &Rendering,
    spool: &mut File,
    stored: &[Stored],
    progress: &dyn Progress,
) -> Result<(u64, String)> {
    let failed = |error| Error::output("write the package", path)(error);
    let mut file =
        tempfile::Builder::new().prefix(".flavor-").suffix(".tmp").tempfile_in(folder).map_err(failed)?;
    let done = AtomicU64::new(0);
    let detail = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let total = rendering.package_size();
    let mut output = Output {
        file: file.as_file_mut(),
        hasher: Sha256::new(),
        position: 0,
        meter: Meter { progress, stage: Stage::Write, done: &done, total, detail: &detail },
        path,
    };
    launcher.chunks(PIECE).try_for_each(|piece| output.write(piece))?;
    output.write(&rendering.metadata)?;
    if !stored.is_empty() {
        output.align(rendering.table_offset)?;
        output.write(&rendering.table)?;
    }
    spool.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut piece = vec![0; PIECE];
    for (slot, offset) in stored.iter().zip(&rendering.slot_offsets) {
        output.align(*offset)?;
        let mut left = slot.bytes;
        while left > 0 {
            let wanted = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            spool.read_exact(&mut piece[..wanted]).map_err(failed)?;
            output.write(&piece[..wanted])?;
            left -= wanted as u64;
        }
    }
    output.align(rendering.trailer_offset)?;
    output.write(&rendering.trailer)?;
    let sha256 = hex::encode(&output.hasher.finalize());
    // The reader's own opinion, before anybody sees the file: a package that this version writes, it reads.
    Package::open(file.as_file())
        .map_err(|error| Error::Internal { message: format!("the new package does not open: {error}") })?;
    place::set_mode(file.as_file(), 0o755).map_err(failed)?;
    progress.check()?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok((total, sha256))
}
