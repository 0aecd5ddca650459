//! Windows: who owns a file, and who but its owner could change it, by its security descriptor (S17).
//!
//! Believed are the user of this process, the system, its administrators and its installer; a group that the user is a member of
//! is not the user. Access that is denied takes nothing from what is granted here, so the answer may be too strict, never too lax.
#![expect(unsafe_code, reason = "security descriptors have no safe form")]

use std::ffi::c_void;
use std::fs::File;
use std::os::windows::io::AsRawHandle as _;
use std::sync::OnceLock;

use windows_sys::Win32::Foundation::{CloseHandle, ERROR_SUCCESS, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo,
    SDDL_REVISION_1, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, DACL_SECURITY_INFORMATION, EqualSid, GetAce, GetTokenInformation,
    INHERIT_ONLY_ACE, IsWellKnownSid, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
    SECURITY_DESCRIPTOR, TOKEN_OWNER, TOKEN_QUERY, TOKEN_USER, TokenOwner, TokenUser,
    WinBuiltinAdministratorsSid, WinCreatorOwnerRightsSid, WinLocalSystemSid,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_APPEND_DATA, FILE_DELETE_CHILD, FILE_WRITE_ATTRIBUTES, FILE_WRITE_DATA, FILE_WRITE_EA,
    WRITE_DAC, WRITE_OWNER,
};
use windows_sys::Win32::System::SystemServices::{
    ACCESS_ALLOWED_ACE_TYPE, ACCESS_DENIED_ACE_TYPE, ACCESS_DENIED_CALLBACK_ACE_TYPE,
    ACCESS_DENIED_CALLBACK_OBJECT_ACE_TYPE, ACCESS_DENIED_OBJECT_ACE_TYPE,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::error::Errno;
use super::file::wide;

/// `GENERIC_ALL` and `GENERIC_WRITE`.
const GENERIC: u32 = 0x1000_0000 | 0x4000_0000;
/// To exchange what is in a folder, or to give somebody that right.
pub(crate) const REPLACE: u32 = GENERIC | DELETE | FILE_DELETE_CHILD | WRITE_DAC | WRITE_OWNER;
/// To change a file or folder in any way.
pub(crate) const CHANGE: u32 =
    REPLACE | FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES;

/// S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464, which owns the folders of the system.
const INSTALLER: [u32; 8] = [
    // Revision 1, six parts, authority 5.
    u32::from_le_bytes([1, 6, 0, 0]),
    u32::from_le_bytes([0, 0, 0, 5]),
    80,
    956_008_885,
    3_418_522_649,
    1_831_038_044,
    1_853_292_631,
    2_271_478_464,
];

/// Longer than any SID is as text.
const MAX_TEXT: usize = 256;

/// Whom something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The user of this process, or whom files that it makes belong to.
    User,
    /// The system, its administrators or its installer.
    System,
    /// Anybody else.
    Stranger,
}

/// Owner, and whether somebody who is not believed was granted one of the rights of a mask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access {
    pub(crate) owner: Owner,
    pub(crate) is_open_to_strangers: bool,
}

/// Looks at the security descriptor of what is open.
pub(crate) fn access(file: &File, mask: u32) -> Result<Access, Errno> {
    let (mut owner, mut list): (PSID, *mut ACL) = (std::ptr::null_mut(), std::ptr::null_mut());
    let mut descriptor: PSECURITY_DESCRIPTOR = std::ptr::null_mut();
    let wanted = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    // SAFETY: the handle is open, all places are valid, and what is not wanted is null.
    let outcome = unsafe {
        GetSecurityInfo(
            file.as_raw_handle(),
            SE_FILE_OBJECT,
            wanted,
            &raw mut owner,
            std::ptr::null_mut(),
            &raw mut list,
            std::ptr::null_mut(),
            &raw mut descriptor,
        )
    };
    if outcome != ERROR_SUCCESS {
        return Err(Errno::from_raw_os_error(outcome.cast_signed()));
    }
    let _descriptor = Local(descriptor);
    // SAFETY: owner and list lie in the descriptor, which lives until this function ends.
    let owner = if owner.is_null() { Owner::Stranger } else { unsafe { owner_of(owner) } };
    // No list at all grants everything to everybody.
    // SAFETY: the same.
    let is_open_to_strangers = list.is_null() || unsafe { grants_strangers(list, mask) };
    Ok(Access { owner, is_open_to_strangers })
}

/// # Safety
///
/// `sid` must point to a valid one.
unsafe fn owner_of(sid: PSID) -> Owner {
    // SAFETY: all of them are valid.
    unsafe {
        let is_user = token_sids().iter().any(|own| EqualSid(sid, own.as_ptr().cast_mut().cast()) != 0);
        let is_system = IsWellKnownSid(sid, WinLocalSystemSid) != 0
            || IsWellKnownSid(sid, WinBuiltinAdministratorsSid) != 0
            || EqualSid(sid, INSTALLER.as_ptr().cast_mut().cast()) != 0;
        match (is_user, is_system) {
            (true, _) => Owner::User,
            (false, true) => Owner::System,
            (false, false) => Owner::Stranger,
        }
    }
}

/// # Safety
///
/// `list` must point to a valid access control list.
unsafe fn grants_strangers(list: *const ACL, mask: u32) -> bool {
    const DENIALS: [u32; 4] = [
        ACCESS_DENIED_ACE_TYPE,
        ACCESS_DENIED_OBJECT_ACE_TYPE,
        ACCESS_DENIED_CALLBACK_ACE_TYPE,
        ACCESS_DENIED_CALLBACK_OBJECT_ACE_TYPE,
    ];
    // SAFETY: the list is valid.
    let count = unsafe { (*list).AceCount };
    for number in 0..u32::from(count) {
        let mut entry: *mut c_void = std::ptr::null_mut();
        // SAFETY: list and place are valid; every entry begins with a header.
        let (kind, flags) = unsafe {
            if GetAce(list, number, &raw mut entry) == 0 {
                return true;
            }
            let header = &*entry.cast::<ACE_HEADER>();
            (u32::from(header.AceType), u32::from(header.AceFlags))
        };
        if flags & INHERIT_ONLY_ACE != 0 || DENIALS.contains(&kind) {
            continue;
        }
        // SAFETY: entries of every kind that grants have the mask behind the header, those of this one the SID behind it.
        let stranger = unsafe {
            let granted = entry.cast::<ACCESS_ALLOWED_ACE>();
            let sid: PSID = (&raw mut (*granted).SidStart).cast();
            (*granted).Mask & mask != 0
                && (kind != ACCESS_ALLOWED_ACE_TYPE
                    || owner_of(sid) == Owner::Stranger && IsWellKnownSid(sid, WinCreatorOwnerRightsSid) == 0)
        };
        if stranger {
            return true;
        }
    }
    false
}

/// The SIDs of the user and of whom its new files belong to.
fn token_sids() -> &'static [Vec<u32>] {
    static SIDS: OnceLock<Vec<Vec<u32>>> = OnceLock::new();
    SIDS.get_or_init(|| {
        let mut token = std::ptr::null_mut();
        // SAFETY: the place is valid.
        if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) } == 0 {
            return Vec::new();
        }
        let mut sids = Vec::new();
        for class in [TokenUser, TokenOwner] {
            let mut found = vec![0_u64; 64];
            let size = u32::try_from(size_of_val(found.as_slice())).unwrap_or(0);
            let mut length = 0;
            // SAFETY: the token is open and the buffer has the size that is stated.
            let done = unsafe {
                GetTokenInformation(token, class, found.as_mut_ptr().cast(), size, &raw mut length)
            };
            if done == 0 {
                continue;
            }
            // SAFETY: the buffer begins with the structure of its class, whose SID lies behind it in the same buffer.
            sids.push(unsafe {
                let sid = if class == TokenUser {
                    (*found.as_ptr().cast::<TOKEN_USER>()).User.Sid
                } else {
                    (*found.as_ptr().cast::<TOKEN_OWNER>()).Owner
                };
                copied(sid)
            });
        }
        // SAFETY: it was opened above.
        unsafe { CloseHandle(token) };
        sids
    })
}

/// # Safety
///
/// `sid` must point to a valid one.
unsafe fn copied(sid: PSID) -> Vec<u32> {
    // SAFETY: a SID is whole words long: eight bytes and four for each part, of which the second byte is the number.
    unsafe {
        let parts = usize::from(*sid.cast::<u8>().add(1));
        (0..parts + 2).map(|word| sid.cast::<u32>().add(word).read_unaligned()).collect()
    }
}

/// A protected list for new folders: everything for the user, the system and its administrators, nothing for anybody else.
pub(crate) struct Guard(Local);

impl Guard {
    pub(crate) fn of_user() -> Result<Self, Errno> {
        let user = token_sids().first().ok_or(Errno::ACCESS)?;
        let mut text = std::ptr::null_mut();
        // SAFETY: the SID is valid, and so is the place.
        if unsafe { ConvertSidToStringSidW(user.as_ptr().cast_mut().cast(), &raw mut text) } == 0 {
            return Err(Errno::last());
        }
        let freed = Local(text.cast());
        // SAFETY: the text ends with NUL.
        let user = unsafe {
            let length = (0..MAX_TEXT).take_while(|at| *text.add(*at) != 0).count();
            String::from_utf16_lossy(std::slice::from_raw_parts(text, length))
        };
        drop(freed);
        Self::of_rule(&format!("O:{user}D:P(A;OICI;FA;;;{user})(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"))
    }

    /// In the security descriptor definition language.
    pub(super) fn of_rule(rule: &str) -> Result<Self, Errno> {
        let rule = wide(rule.as_ref());
        let mut descriptor: PSECURITY_DESCRIPTOR = std::ptr::null_mut();
        // SAFETY: the text ends with NUL, the place is valid, and the size is not wanted.
        let done = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                rule.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                std::ptr::null_mut(),
            )
        };
        if done == 0 { Err(Errno::last()) } else { Ok(Self(Local(descriptor))) }
    }

    /// Valid as long as `self`.
    pub(crate) fn descriptor(&self) -> *const SECURITY_DESCRIPTOR {
        self.0.0.cast()
    }
}

/// Memory that a function of the system gave.
struct Local(*mut c_void);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: it came from a function that asks for exactly this, and nobody uses it any more.
        unsafe { LocalFree(self.0) };
    }
}
