//! Files of weights that are damaged, hostile or no such files at all: each is refused, for the reason that it has.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use pipe_learn::{NameMap, NetworkConfig, Part, PretrainedError, pretrained};
use rawzip::{CompressionMethod, ZipArchiveWriter};
use tempfile::TempDir;

/// A network with few weights.
fn network() -> NetworkConfig {
    serde_json::from_str(r#"{"unet": {"width": 2, "depth": 1, "norm": "none"}}"#).expect("the settings are right")
}

/// The arrays of the network.
fn arrays() -> Vec<(String, Vec<usize>)> {
    let network = network().build(&burn::tensor::Device::flex()).expect("the settings are in range");
    pipe_learn::weights::parameters(&network).into_iter().map(|parameter| (parameter.name, parameter.shape)).collect()
}

/// What `torch.save` pickles: a dictionary of arrays, each a view of the storage of its number.
fn pickle(arrays: &[(String, Vec<usize>)], storage: &str) -> Vec<u8> {
    let mut bytes = b"\x80\x02}(".to_vec();
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.push(b'X');
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
    };
    let number = |bytes: &mut Vec<u8>, number: usize| {
        bytes.push(b'J');
        bytes.extend((number as u32).to_le_bytes());
    };
    for (index, (name, shape)) in arrays.iter().enumerate() {
        text(&mut bytes, name);
        bytes.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut bytes, "storage");
        bytes.extend(format!("ctorch\n{storage}\n").bytes());
        text(&mut bytes, &index.to_string());
        text(&mut bytes, "cpu");
        number(&mut bytes, shape.iter().product());
        bytes.extend(b"tQ");
        number(&mut bytes, 0);
        bytes.push(b'(');
        shape.iter().for_each(|side| number(&mut bytes, *side));
        bytes.extend(b"t(");
        (0..shape.len()).for_each(|axis| number(&mut bytes, shape[axis + 1..].iter().product()));
        bytes.extend(b"t\x89ccollections\nOrderedDict\n)RtR");
    }
    bytes.extend(b"u.");
    bytes
}

/// An archive of entries.
fn zipped(entries: &[(String, &[u8])], how: CompressionMethod) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut zip = ZipArchiveWriter::new(&mut bytes);
    for (name, content) in entries {
        let (mut entry, config) = zip.new_file(name).compression_method(how).start().expect("memory takes it");
        let descriptor = if how == CompressionMethod::DEFLATE {
            let mut writer = config.wrap(flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast()));
            writer.write_all(content).expect("memory takes it");
            let (encoder, descriptor) = writer.finish().expect("memory takes it");
            encoder.finish().expect("memory takes it");
            descriptor
        } else {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(content).expect("memory takes it");
            writer.finish().expect("memory takes it").1
        };
        entry.finish(descriptor).expect("memory takes it");
    }
    zip.finish().expect("memory takes it");
    bytes
}

/// An archive with a pickle and a storage for each array.
fn archive(pickle: &[u8], storages: &[Vec<u8>], how: CompressionMethod) -> Vec<u8> {
    let mut entries = vec![("archive/data.pkl".to_owned(), pickle)];
    entries
        .extend(storages.iter().enumerate().map(|(index, bytes)| (format!("archive/data/{index}"), bytes.as_slice())));
    zipped(&entries, how)
}

fn storages(value: &[u8]) -> Vec<Vec<u8>> {
    arrays().iter().map(|(_, shape)| value.repeat(shape.iter().product())).collect()
}

fn good() -> Vec<u8> {
    archive(&pickle(&arrays(), "FloatStorage"), &storages(&1_f32.to_le_bytes()), CompressionMethod::STORE)
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).expect("the folder is ours");
        path
    }
}

#[track_caller]
fn refused(name: &str, bytes: &[u8]) -> PretrainedError {
    let folder = Folder::new();
    let path = folder.file(name, bytes);
    let start = Instant::now();
    let error = pretrained(&path, NameMap::Pipe, Part::All, &network()).expect_err("it must be refused");
    assert!(start.elapsed().as_secs() < 20, "refusing took {:?}", start.elapsed());
    error
}

#[track_caller]
fn check(name: &str, bytes: &[u8], expected: &str) {
    let error = refused(name, bytes);
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn every_float_is_read() {
    let folder = Folder::new();
    let kinds: [(&str, &[u8]); 4] = [
        ("FloatStorage", &1.5_f32.to_le_bytes()),
        ("DoubleStorage", &1.5_f64.to_le_bytes()),
        ("HalfStorage", &half::f16::from_f32(1.5).to_le_bytes()),
        ("BFloat16Storage", &half::bf16::from_f32(1.5).to_le_bytes()),
    ];
    for (storage, value) in kinds {
        for how in [CompressionMethod::STORE, CompressionMethod::DEFLATE] {
            let path = folder.file("a.pth", &archive(&pickle(&arrays(), storage), &storages(value), how));
            let first = pretrained(&path, NameMap::Pipe, Part::All, &network());
            let first = first.unwrap_or_else(|error| panic!("{storage}: {error}"));
            assert_eq!(first.arrays.len(), arrays().len());
            assert!(first.arrays.values().all(|array| array.values.iter().all(|value| *value == 1.5)), "{storage}");
        }
    }
    let integers = archive(&pickle(&arrays(), "IntStorage"), &storages(&[1, 0, 0, 0]), CompressionMethod::STORE);
    check("a.pth", &integers, "holds I32 in the file, expected floats");
}

#[test]
fn no_weights_at_all() {
    let folder = Folder::new();
    let missing = pretrained(&folder.0.path().join("a.pth"), NameMap::Pipe, Part::All, &network());
    assert!(matches!(missing, Err(PretrainedError::Missing { .. })));
    let is_folder = pretrained(folder.0.path(), NameMap::Pipe, Part::All, &network());
    assert!(matches!(is_folder, Err(PretrainedError::Folder { .. })));
    check("a.pth", b"", "it is empty");
    check("a.pth", b"weights\n", "it starts as neither");
    check("a.pth", b"cats and dogs", "it starts as neither");
    check("a.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull");
    check("a.pth", b"<!DOCTYPE html><html></html>", "it is a web page");
    check("a.h5", b"\x89HDF\r\n\x1a\n", "as Keras writes");
    check("a.pth", b"\x80\x02}q\x00.", "a pickle of plain objects");
    check("a.pth", &archive(b"", &[], CompressionMethod::STORE)[..20], "was cut off");
    let zip = zipped(&[("photo.txt".to_owned(), b"")], CompressionMethod::STORE);
    check("a.pth", &zip, "without a `data.pkl`");
}

#[test]
fn files_that_were_cut_off() {
    let whole = good();
    for length in [4, 30, 100, whole.len() / 2, whole.len() - 1] {
        check("a.pth", &whole[..length], "it was cut off");
    }
    let short = storages(&1_f32.to_le_bytes()).into_iter().map(|bytes| bytes[4..].to_vec()).collect::<Vec<_>>();
    let short = archive(&pickle(&arrays(), "FloatStorage"), &short, CompressionMethod::STORE);
    assert!(matches!(refused("a.pth", &short), PretrainedError::Damaged { .. }));
    let pickle = pickle(&arrays(), "FloatStorage");
    let half = archive(&pickle[..pickle.len() / 2], &storages(&[0; 4]), CompressionMethod::STORE);
    check("a.pth", &half, "its pickle ends too early");
    let mut altered = good();
    let at = altered.windows(4).position(|bytes| bytes == 1_f32.to_le_bytes()).expect("there are weights");
    altered[at] ^= 1;
    assert!(matches!(refused("a.pth", &altered), PretrainedError::Damaged { .. }));

    let old = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/weights/legacy_resnet18.pth"));
    let old = old.expect("the reference files are there");
    for length in [3, 40, 2000, old.len() - 1] {
        assert!(matches!(refused("a.pth", &old[..length]), PretrainedError::Damaged { .. }), "{length}");
    }
}

#[test]
fn pickles_that_want_to_run_code() {
    let folder = Folder::new();
    let sign = folder.0.path().join("sign");
    let command = format!("touch {}", sign.display());
    let call = |protocol: u8| {
        let mut bytes = vec![0x80, protocol];
        bytes.extend(b"cposix\nsystem\nX");
        bytes.extend((command.len() as u32).to_le_bytes());
        bytes.extend(command.as_bytes());
        bytes.extend(b"\x85R.");
        bytes
    };
    let text = "would call `posix.system`; nothing of it was run";
    check("a.pth", &call(2), text);
    check("a.pth", &archive(&call(2), &[], CompressionMethod::STORE), text);
    check("a.pth", b"cos\nsystem\n(S'touch sign'\ntR.", "would call `os.system`");
    // Run before the weights, and thrown away.
    let mut hidden = call(2);
    hidden.truncate(hidden.len() - 1);
    hidden.push(b'0');
    hidden.extend(&pickle(&arrays(), "FloatStorage")[2..]);
    check("a.pth", &archive(&hidden, &storages(&[0; 4]), CompressionMethod::STORE), text);
    let model = b"\x80\x02ctorchvision.models.resnet\nResNet\n)\x81.";
    check("a.pth", &archive(model, &[], CompressionMethod::STORE), "`torch.save(model.state_dict(), file)`");
    assert!(!sign.exists());
}

#[test]
fn archives_out_of_proportion() {
    let pickle = pickle(&arrays(), "FloatStorage");
    let mut zeros = storages(&[0; 4]);
    zeros.push(vec![0; 100 << 20]);
    check("a.pth", &archive(&pickle, &zeros, CompressionMethod::DEFLATE), "would grow from");
    let long = [&pickle[..pickle.len() - 1], &vec![b'N'; 33 << 20], b"."].concat();
    check("a.pth", &archive(&long, &[], CompressionMethod::STORE), "at most 33554432 are read");

    // Sizes in the directory that are not those of the entries.
    let claimed = |bytes: &[u8], from: usize, to: usize| {
        let mut bytes = bytes.to_vec();
        let (from, to) = ((from as u32).to_le_bytes(), (to as u32).to_le_bytes());
        for at in 0..bytes.len() - 4 {
            if bytes[at..at + 4] == from {
                bytes[at..at + 4].copy_from_slice(&to);
            }
        }
        bytes
    };
    let pickle_of_zeros = [b"\x80\x02".as_slice(), &[b'N'; 5000], b"."].concat();
    let packed = archive(&pickle_of_zeros, &[], CompressionMethod::DEFLATE);
    let less = claimed(&packed, pickle_of_zeros.len(), 40);
    check("a.pth", &less, "does not have the 40 bytes that it claims");
    let more = archive(&pickle, &[vec![1; 6001]], CompressionMethod::STORE);
    assert!(matches!(
        refused("a.pth", &claimed(&more, 6001, 2_000_000_000)),
        PretrainedError::Damaged { .. } | PretrainedError::TooLarge { .. }
    ));

    // One entry's bytes for two: the second entry's place in the directory is the first's.
    let two = archive(&pickle, &[vec![7; 64], vec![7; 64]], CompressionMethod::STORE);
    let central: Vec<usize> =
        two.windows(4).enumerate().filter(|(_, bytes)| bytes == b"PK\x01\x02").map(|(at, _)| at).collect();
    let mut doubled = two.clone();
    doubled.copy_within(central[1] + 42..central[1] + 46, central[2] + 42);
    assert!(matches!(refused("a.pth", &doubled), PretrainedError::TooLarge { .. } | PretrainedError::Damaged { .. }));
}

/// A safetensors file.
fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

#[test]
fn broken_safetensors() {
    let check = |bytes: &[u8], expected: &str| check("a.safetensors", bytes, expected);
    check(b"{}", "fewer than a safetensors file starts with");
    check(&[&u64::MAX.to_le_bytes()[..], b"{}"].concat(), "its header is said to have 18446744073709551615 bytes");
    check(&[&(1_u64 << 40).to_le_bytes()[..], b"{}"].concat(), "the whole file has 10");
    check(&safetensors(r#"{"a": 3}"#, b""), "its header cannot be read");
    let one = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    check(&safetensors(one, &[0; 7]), "it was cut off");
    check(&safetensors(one, &[0; 9]), "something was put behind it");
    let beyond = r#"{"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}}"#;
    check(&safetensors(beyond, &[0; 4]), "its header cannot be read");
    check(&safetensors(one, &[0; 8]), "surplus: `a` [2]");
    let twice = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    check(&safetensors(twice, &[0; 8]), "its header cannot be read");
}

#[test]
fn weights_that_are_no_numbers() {
    for value in [f32::NAN, f32::INFINITY] {
        let mut storages = storages(&1_f32.to_le_bytes());
        let last = storages.len() - 1;
        storages[last][..4].copy_from_slice(&value.to_le_bytes());
        let bytes = archive(&pickle(&arrays(), "FloatStorage"), &storages, CompressionMethod::STORE);
        let error = refused("a.pth", &bytes);
        let PretrainedError::NotFinite { names, .. } = error else { panic!("{error}") };
        assert_eq!(names, [arrays()[last].0.clone()]);
    }
    let large =
        archive(&pickle(&arrays(), "DoubleStorage"), &storages(&1e300_f64.to_le_bytes()), CompressionMethod::STORE);
    assert!(matches!(refused("a.pth", &large), PretrainedError::NotFinite { .. }));
}

#[test]
fn two_arrays_for_one_weight() {
    let mut arrays = arrays();
    arrays.push((format!("module.{}", arrays[0].0), arrays[0].1.clone()));
    let mut storages = storages(&[0; 4]);
    storages.push(storages[0].clone());
    let bytes = archive(&pickle(&arrays, "FloatStorage"), &storages, CompressionMethod::STORE);
    check("a.pth", &bytes, "twice: `");
}
