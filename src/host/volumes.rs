//! Block devices as `lsblk` lists them, and what `blkid` finds on them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::program::{self, ProgramError};

/// How long a look at a device may take; one that hangs must not hold up the boot.
const DEADLINE: Duration = Duration::from_secs(20);

/// How long the kernel's news of disks may take to be worked off early in a boot.
const SETTLING: Duration = Duration::from_secs(30);

/// One device of `lsblk`, which lists what stands on it below it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Listed {
    /// Its path.
    pub name: String,
    /// `disk`, `part`, `loop`, `raid0`, `lvm`, `crypt`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Bytes: a number, or text from util-linux before 2.33.
    pub size: Value,
    /// The disk's model.
    pub model: Option<String>,
    /// Its numbers, as `/proc/self/mountinfo` has them; blanks may stand around them.
    #[serde(rename = "maj:min")]
    pub numbers: String,
    /// What stands on it: partitions, arrays, …
    pub children: Vec<Listed>,
}

impl Listed {
    /// Its size in bytes; 0 where it is not told.
    pub fn bytes(&self) -> u64 {
        let text = || self.size.as_str()?.parse().ok();
        self.size.as_u64().or_else(text).unwrap_or_default()
    }
}

/// What `blkid` found on a device.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Deserialize)]
pub struct Signature {
    /// The file system's type, `linux_raid_member`, or the kind of partition table.
    pub kind: String,
    /// Its label, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Waits until udev has worked off what the kernel told it so far, as early in a boot its drivers and the names of their
/// disks may still be coming. Where there is no udev nothing is waited for.
pub async fn settle() {
    let seconds = format!("--timeout={}", SETTLING.as_secs());
    match program::run("udevadm", &["settle", &seconds], "", SETTLING + DEADLINE).await {
        Ok(_) | Err(ProgramError::Absent { .. }) => {}
        Err(error) => tracing::warn!("disks may be missing: {error}"),
    }
}

/// All block devices, those on a disk below it.
///
/// # Errors
/// `lsblk` is missing or fails.
pub async fn list() -> Result<Vec<Listed>, ProgramError> {
    #[derive(Deserialize)]
    struct Listing {
        blockdevices: Vec<Listed>,
    }
    let args = [
        "--json",
        "--bytes",
        "--paths",
        "--output",
        "NAME,TYPE,SIZE,MODEL,MAJ:MIN",
    ];
    let text = program::run("lsblk", &args, "", DEADLINE).await?;
    // Without a single device it prints nothing.
    let listing = serde_json::from_str::<Listing>(&text).map(|listing| listing.blockdevices);
    listing.or_else(|error| match text.trim().is_empty() {
        true => Ok(Vec::new()),
        false => Err(ProgramError::Io {
            command: format!("lsblk {}", args.join(" ")),
            source: io::Error::other(error),
        }),
    })
}

/// What stands on a device, read from the device itself; `None` where there is nothing at all.
///
/// # Errors
/// `blkid` is missing or fails, or finds more than one thing: then nothing may be taken for granted.
pub async fn probe(device: &str) -> Result<Option<Signature>, ProgramError> {
    /// blkid(8): "no tokens were found".
    const NOTHING: i32 = 2;
    let args = ["--probe", "--output", "export", device];
    // A device that is gone ends with the same status as an empty one.
    if let Err(source) = File::open(device) {
        let command = format!("blkid {}", args.join(" "));
        return Err(ProgramError::Io { command, source });
    }
    match program::run("blkid", &args, "", DEADLINE).await {
        Ok(text) => Ok(signature(&text)),
        Err(ProgramError::Failed { status, .. }) if status.code() == Some(NOTHING) => Ok(None),
        Err(error) => Err(error),
    }
}

fn signature(text: &str) -> Option<Signature> {
    let value = |key: &str| {
        let mut values = text.lines().filter_map(|line| line.strip_prefix(key));
        values.next().map(str::to_owned)
    };
    let kind = value("TYPE=").or_else(|| value("PTTYPE="));
    let known = text.lines().any(|line| !line.starts_with("DEVNAME="));
    known.then(|| Signature {
        kind: kind.unwrap_or_else(|| "unknown".to_owned()),
        label: value("LABEL="),
    })
}

/// How large the ext2, ext3, ext4 or xfs file system on a device is, from its first superblock; `None` for any other.
///
/// # Errors
/// Those of reading the device.
pub fn file_system_bytes(device: &str) -> io::Result<Option<u64>> {
    /// Both superblocks lie within it: xfs at its start, ext4 at 1024 for 1024 bytes.
    const PART: usize = 2048;
    let mut file = File::open(device)?;
    let mut bytes = [0; PART];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut bytes)?;
    Ok(xfs_bytes(&bytes).or_else(|| ext_bytes(&bytes[1024..])))
}

/// `sb_blocksize` and `sb_dblocks`, big-endian (XFS Filesystem Structure, "Superblocks").
fn xfs_bytes(block: &[u8]) -> Option<u64> {
    block.starts_with(b"XFSB").then_some(())?;
    let size = u32::from_be_bytes(block.get(4..8)?.try_into().ok()?);
    let blocks = u64::from_be_bytes(block.get(8..16)?.try_into().ok()?);
    blocks.checked_mul(u64::from(size))
}

/// `s_blocks_count_lo`, `s_log_block_size` and, with the feature 64bit, `s_blocks_count_hi`, little-endian (Linux kernel,
/// "ext4 Data Structures: The Super Block").
fn ext_bytes(block: &[u8]) -> Option<u64> {
    const MAGIC: u16 = 0xef53;
    const INCOMPAT_64BIT: u32 = 0x80;
    let word = |at: usize| Some(u32::from_le_bytes(block.get(at..at + 4)?.try_into().ok()?));
    let magic = u16::from_le_bytes(block.get(0x38..0x3a)?.try_into().ok()?);
    (magic == MAGIC).then_some(())?;
    let high = match word(0x60)? & INCOMPAT_64BIT {
        0 => 0,
        _ => u64::from(word(0x150)?),
    };
    let blocks = u64::from(word(0x4)?) | high << 32;
    blocks.checked_mul(1024_u64.checked_shl(word(0x18)?)?)
}

/// How large a mounted XFS is. Its superblock on the device follows a growth only after a while.
///
/// # Errors
/// `xfs_info` is missing or fails.
pub async fn mounted_xfs_bytes(mount_point: &str) -> Result<Option<u64>, ProgramError> {
    let text = program::run("xfs_info", &[mount_point], "", DEADLINE).await?;
    Ok(data_section(&text))
}

/// `data     =                       bsize=4096   blocks=102400, imaxpct=25`.
fn data_section(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("data "))?;
    let number = |key: &str| {
        let mut words = line.split([' ', ',']);
        words.find_map(|word| word.strip_prefix(key)?.parse::<u64>().ok())
    };
    number("bsize=")?.checked_mul(number("blocks=")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_listings_are_read() {
        let new = r#"{"blockdevices": [{"name": "/dev/nvme1n1", "type": "disk", "size": 1000, "model": "Amazon EC2 NVMe Instance Storage", "maj:min": "259:1",
            "children": [{"name": "/dev/md127", "type": "raid0", "size": 1000, "model": null, "maj:min": "9:127 "}]}]}"#;
        let old = new.replace(": 1000", ": \"1000\"");
        for text in [new, &old] {
            let listing: Value = serde_json::from_str(text).unwrap();
            let disk: Listed = serde_json::from_value(listing["blockdevices"][0].clone()).unwrap();
            assert_eq!(disk.bytes(), 1000);
            assert_eq!(disk.children[0].numbers.trim(), "9:127");
        }
    }

    #[test]
    fn a_signature_is_a_file_system_or_a_partition_table() {
        let of = |text: &str| signature(text).map(|it| (it.kind, it.label));
        assert_eq!(of("DEVNAME=/dev/x\n"), None);
        assert_eq!(
            of("DEVNAME=/dev/x\nPTTYPE=gpt\n"),
            Some(("gpt".to_owned(), None))
        );
        assert_eq!(
            of("DEVNAME=/dev/x\nLABEL=a b\nTYPE=ext4\n"),
            Some(("ext4".to_owned(), Some("a b".to_owned())))
        );
        assert_eq!(
            of("DEVNAME=/dev/x\nUSAGE=other\n"),
            Some(("unknown".to_owned(), None))
        );
    }

    #[test]
    fn a_mounted_xfs_tells_its_data_section() {
        let text = "meta-data=/dev/loop0 isize=512 agcount=4, agsize=25600 blks\n\
                    data     =                       bsize=4096   blocks=102400, imaxpct=25\n\
                    log      =internal log           bsize=4096   blocks=16384, version=2\n";
        assert_eq!(data_section(text), Some(400 << 20));
        assert_eq!(data_section("xfs_info: no\n"), None);
    }

    #[tokio::test]
    async fn made_file_systems_are_found_with_their_size() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("disk");
        let disk = path.to_str().unwrap();
        // mkfs.xfs wants 300 MB.
        const BYTES: u64 = 400 << 20;
        for (program, kind, args) in [
            ("mkfs.ext4", "ext4", ["-q", "-F"]),
            ("mkfs.xfs", "xfs", ["-q", "-f"]),
        ] {
            File::create(&path).unwrap().set_len(BYTES).unwrap();
            assert_eq!(probe(disk).await.unwrap(), None);
            assert_eq!(file_system_bytes(disk).unwrap(), None);
            let args = [args[0], args[1], "-L", "ecs-nanny-0", disk];
            match program::run(program, &args, "", DEADLINE).await {
                Err(ProgramError::Absent { .. }) if program == "mkfs.xfs" => {
                    eprintln!("no {program} here");
                    continue;
                }
                made => drop(made.unwrap()),
            }
            let found = probe(disk).await.unwrap().unwrap();
            assert_eq!(
                (&*found.kind, found.label.as_deref()),
                (kind, Some("ecs-nanny-0"))
            );
            assert_eq!(file_system_bytes(disk).unwrap(), Some(BYTES));
        }
        std::fs::remove_file(&path).unwrap();
        assert!(probe(disk).await.is_err());
    }
}
