//! The system call filter: a small program for the kernel that refuses what no store object needs.
//!
//! Refused are set-user-id and set-group-id bits (`EPERM`), extended attributes (`ENOTSUP`, as if
//! the file system had none) and `io_uring` (`ENOSYS`), through which the others could be had
//! unseen. Everything else is allowed. The foreign word size of the machine has its own table,
//! because system calls are numbered anew for each; a third numbering, x32, is refused whole.

use nix::libc;

/// What a system call number leads to.
#[derive(Clone, Copy)]
enum Rule {
    /// Fail with this errno.
    Refuse(u32, i32),
    /// Fail with `EPERM` if the argument of this index has a set-id bit.
    RefuseSetId(u32, u32),
}

/// The rules for one numbering of system calls.
struct Table {
    /// The kernel's name for the numbering.
    arch: u32,
    /// The first number of a numbering hidden inside this one, refused from there on.
    foreign_from: Option<u32>,
    rules: Vec<Rule>,
}

/// Numbers that are the same everywhere, being younger than the differences.
const RECENT: [Rule; 8] = [
    Rule::RefuseSetId(452, 2),        // fchmodat2
    Rule::Refuse(463, libc::ENOTSUP), // setxattrat
    Rule::Refuse(464, libc::ENOTSUP), // getxattrat
    Rule::Refuse(465, libc::ENOTSUP), // listxattrat
    Rule::Refuse(466, libc::ENOTSUP), // removexattrat
    Rule::Refuse(425, libc::ENOSYS),  // io_uring_setup
    Rule::Refuse(426, libc::ENOSYS),  // io_uring_enter
    Rule::Refuse(427, libc::ENOSYS),  // io_uring_register
];

/// Builds the table of `arch` from where its numbering puts chmod and the attribute calls.
fn table(
    arch: u32,
    foreign_from: Option<u32>,
    set_id: &[(u32, u32)],
    attributes: std::ops::RangeInclusive<u32>,
) -> Table {
    let mut rules: Vec<Rule> =
        set_id.iter().map(|&(number, argument)| Rule::RefuseSetId(number, argument)).collect();
    rules.extend(attributes.map(|number| Rule::Refuse(number, libc::ENOTSUP)));
    rules.extend(RECENT);
    Table { arch, foreign_from, rules }
}

const ARCH_X86_64: u32 = 0xc000_003e;
const ARCH_I386: u32 = 0x4000_0003;
const ARCH_AARCH64: u32 = 0xc000_00b7;
const ARCH_ARM: u32 = 0x4000_0028;

/// Returns the tables of this machine, its own numbering first.
///
/// The pairs are `chmod`, `fchmod`, `fchmodat` with the index of the mode; the ranges run from
/// `setxattr` to `fremovexattr`.
fn tables() -> Vec<Table> {
    if cfg!(target_arch = "x86_64") {
        vec![
            table(ARCH_X86_64, Some(0x4000_0000), &[(90, 1), (91, 1), (268, 2)], 188..=199),
            table(ARCH_I386, None, &[(15, 1), (94, 1), (306, 2)], 226..=237),
        ]
    } else if cfg!(target_arch = "aarch64") {
        vec![
            table(ARCH_AARCH64, None, &[(52, 1), (53, 2)], 5..=16),
            table(ARCH_ARM, None, &[(15, 1), (94, 1), (333, 2)], 226..=237),
        ]
    } else {
        Vec::new()
    }
}

const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCH: u32 = 4;
const OFFSET_ARGUMENTS: u32 = 16;
const SET_ID_BITS: u32 = 0o6000;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const JUMP_ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Returns the filter's instructions; empty on a machine whose numbering is not known here.
pub(super) fn program() -> Vec<libc::sock_filter> {
    let tables = tables();
    if tables.is_empty() {
        return Vec::new();
    }
    let mut program = Vec::new();
    for table in &tables {
        let body = table_program(table);
        program.push(instruction(LOAD, 0, 0, OFFSET_ARCH));
        // A jump's reach is 255; the bodies are checked against it in the tests.
        program.push(instruction(JUMP_EQUAL, 0, body.len() as u8, table.arch));
        program.extend(body);
    }
    program.push(instruction(RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS));
    program
}

/// Returns a program that refuses nothing.
pub(super) fn allow_all() -> Vec<libc::sock_filter> {
    vec![instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW)]
}

/// Returns the instructions for one numbering; they always end in a return.
fn table_program(table: &Table) -> Vec<libc::sock_filter> {
    let mut body = vec![instruction(LOAD, 0, 0, OFFSET_NUMBER)];
    if let Some(first) = table.foreign_from {
        body.push(instruction(JUMP_AT_LEAST, 0, 1, first));
        body.push(refuse(libc::ENOSYS));
    }
    for rule in &table.rules {
        match *rule {
            Rule::Refuse(number, errno) => {
                body.push(instruction(JUMP_EQUAL, 0, 1, number));
                body.push(refuse(errno));
            }
            Rule::RefuseSetId(number, argument) => {
                body.push(instruction(JUMP_EQUAL, 0, 4, number));
                // The low half of the argument: these machines are little-endian.
                body.push(instruction(LOAD, 0, 0, OFFSET_ARGUMENTS + 8 * argument));
                body.push(instruction(JUMP_ANY_BIT, 0, 1, SET_ID_BITS));
                body.push(refuse(libc::EPERM));
                body.push(instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW));
            }
        }
    }
    body.push(instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW));
    body
}

fn refuse(errno: i32) -> libc::sock_filter {
    instruction(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32)
}

fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the filter as the kernel would.
    fn verdict(arch: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let program = program();
        let (mut at, mut accumulator) = (0, 0u32);
        loop {
            let step = program[at];
            at += 1;
            let mut jump = |taken: bool| at += usize::from(if taken { step.jt } else { step.jf });
            match step.code {
                LOAD => {
                    accumulator = match step.k {
                        OFFSET_NUMBER => number,
                        OFFSET_ARCH => arch,
                        offset => arguments[((offset - OFFSET_ARGUMENTS) / 8) as usize] as u32,
                    }
                }
                JUMP_EQUAL => jump(accumulator == step.k),
                JUMP_AT_LEAST => jump(accumulator >= step.k),
                JUMP_ANY_BIT => jump(accumulator & step.k != 0),
                RETURN => return step.k,
                code => panic!("instruction {code}"),
            }
        }
    }

    fn errno(errno: i32) -> u32 {
        libc::SECCOMP_RET_ERRNO | errno as u32
    }

    #[test]
    fn every_table_is_within_a_jump() {
        for table in tables() {
            assert!(table_program(&table).len() < 256);
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn set_id_bits_are_refused_and_other_modes_pass() {
        let number = libc::SYS_fchmodat as u32;
        assert_eq!(verdict(ARCH_X86_64, number, [0, 0, 0o755, 0, 0, 0]), libc::SECCOMP_RET_ALLOW);
        assert_eq!(verdict(ARCH_X86_64, number, [0, 0, 0o4755, 0, 0, 0]), errno(libc::EPERM));
        assert_eq!(verdict(ARCH_X86_64, 452, [0, 0, 0o2755, 0, 0, 0]), errno(libc::EPERM));
        assert_eq!(verdict(ARCH_I386, 15, [0, 0o6755, 0, 0, 0, 0]), errno(libc::EPERM));
        assert_eq!(verdict(ARCH_I386, 90, [0, 0o6755, 0, 0, 0, 0]), libc::SECCOMP_RET_ALLOW);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn attributes_rings_and_foreign_numberings_are_refused() {
        let number = |number: i64| number as u32;
        for attribute in [libc::SYS_setxattr, libc::SYS_getxattr, libc::SYS_fremovexattr] {
            assert_eq!(verdict(ARCH_X86_64, number(attribute), [0; 6]), errno(libc::ENOTSUP));
        }
        let ring = number(libc::SYS_io_uring_setup);
        assert_eq!(verdict(ARCH_X86_64, ring, [0; 6]), errno(libc::ENOSYS));
        assert_eq!(verdict(ARCH_X86_64, 0x4000_0000, [0; 6]), errno(libc::ENOSYS));
        assert_eq!(verdict(ARCH_ARM, 1, [0; 6]), libc::SECCOMP_RET_KILL_PROCESS);
        assert_eq!(verdict(ARCH_X86_64, number(libc::SYS_openat), [0; 6]), libc::SECCOMP_RET_ALLOW);
    }
}
