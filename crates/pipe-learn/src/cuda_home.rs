//! Where CUDA's run-time compiler (NVRTC) and the headers that its programs include lie on this machine.
//! It does not load them, and knows no devices; kernels are compiled where they run, so both must be there.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CudaHome {
    /// The folder above `include`, for CUDA_PATH.
    pub include_parent: PathBuf,
    /// The library; its folder is for LD_LIBRARY_PATH.
    pub nvrtc: PathBuf,
    /// Headers without which kernels for tensor cores do not compile; slower ones take their place.
    pub slow_without: Vec<MissingPart>,
}

/// What is not there; all of it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct CudaMissing {
    /// At least one.
    pub parts: Vec<MissingPart>,
}

/// A part that was not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPart {
    /// What: `NVRTC (libnvrtc.so)`, or a header.
    pub what: String,
    /// Every folder in which it was looked for.
    pub tried: Vec<PathBuf>,
    /// The Python wheel that brings it; the CUDA toolkit brings every part.
    pub package: &'static str,
}

impl CudaHome {
    /// Gives the variables by which a process that is started finds it: CUDA_PATH for CubeCL, and LD_LIBRARY_PATH for the loader,
    /// with the library's folder before those that it has here.
    pub fn variables(&self) -> [(&'static str, OsString); 2] {
        let before = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        // An empty name would stand for the folder in which the process runs.
        let others = env::split_paths(&before).filter(|path| *path != Path::new(""));
        let folders = self.nvrtc.parent().map(Path::to_path_buf).into_iter().chain(others);
        // A folder whose name has a colon cannot be on the list.
        let libraries = env::join_paths(folders).unwrap_or(before);
        [("CUDA_PATH", self.include_parent.clone().into()), ("LD_LIBRARY_PATH", libraries)]
    }

    /// Gives the version of NVRTC, which the file beside it names: `libnvrtc-builtins.so.13.2`.
    ///
    /// A driver reads only what a compiler of its own CUDA version or an older one has made.
    pub fn version(&self) -> Option<(u32, u32)> {
        let folder = fs::canonicalize(&self.nvrtc).ok()?.parent()?.to_path_buf();
        let mut names = fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.find_map(|name| {
            let mut numbers = name.strip_prefix("libnvrtc-builtins.so.")?.split('.').map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
    }
}

/// Names of the library, in the order in which a program tries them.
const NVRTC: &[&str] = &["libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"];

/// Headers without which nothing works, and the wheel that brings each. `cuda_fp16.h` includes `nv/target`.
const HEADERS: &[(&str, &str)] = &[
    ("cuda_fp16.h", "nvidia-cuda-runtime"),
    ("cuda_bf16.h", "nvidia-cuda-runtime"),
    ("mma.h", "nvidia-cuda-runtime"),
    ("nv/target", "nvidia-cuda-cccl"),
];

/// What `mma.h` includes, which kernels for tensor cores read; PyTorch's wheels do not bring it along.
const TENSOR_CORES: (&str, &str) = ("crt/mma.h", "nvidia-cuda-crt");

/// Finds both.
///
/// # Errors
/// Either is missing.
pub fn cuda_home() -> Result<CudaHome, CudaMissing> {
    Places::of(&|name| env::var_os(name)).search()
}

/// The driver's own library is nowhere to be found, though its program may be: containers get the two apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoDriverLibrary {
    /// Every folder in which it was looked for.
    pub tried: Vec<PathBuf>,
}

impl NoDriverLibrary {
    /// What brings it.
    pub const REMEDY: &'static str = "install the NVIDIA driver's libraries; in a container, start it with `--gpus all` and the capability \
        `compute` (NVIDIA_DRIVER_CAPABILITIES=compute,utility); LD_LIBRARY_PATH may name its folder";
}

impl fmt::Display for NoDriverLibrary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tried: Vec<_> = self.tried.iter().map(|path| path.display().to_string()).collect();
        write!(formatter, "no libcuda.so.1, the driver's library, in {}; {}", tried.join(", "), Self::REMEDY)
    }
}

/// Finds the driver's library where the loader looks for it, and where drivers of containers, WSL and NixOS put it.
///
/// # Errors
/// It is in none of these folders.
pub fn driver_library() -> Result<PathBuf, NoDriverLibrary> {
    let tried = Places::of(&|name| env::var_os(name)).libraries;
    let listed = fs::read_dir("/etc/ld.so.conf.d").into_iter().flatten().filter_map(|entry| {
        let text = fs::read_to_string(entry.ok()?.path()).ok()?;
        Some(text.lines().map(str::trim).filter(|line| line.starts_with('/')).map(PathBuf::from).collect::<Vec<_>>())
    });
    let others =
        ["/usr/lib", "/usr/lib/wsl/lib", "/usr/local/nvidia/lib64", "/usr/local/nvidia/lib", "/run/opengl-driver/lib"];
    let mut tried: Vec<_> = tried.into_iter().chain(others.map(PathBuf::from)).chain(listed.flatten()).collect();
    let mut seen = BTreeSet::new();
    tried.retain(|folder| seen.insert(folder.clone()));
    let library = tried.iter().flat_map(|folder| ["libcuda.so.1", "libcuda.so"].map(|name| folder.join(name)));
    library.into_iter().find(|file| file.is_file()).ok_or(NoDriverLibrary { tried })
}

/// Folders in which they may lie.
#[derive(Debug, Default)]
struct Places {
    /// Folders with `include`, and libraries in `lib64` or `lib`: toolkits and wheels, the first that is whole counts.
    roots: Vec<PathBuf>,
    /// Folders with libraries alone.
    libraries: Vec<PathBuf>,
}

impl Places {
    fn of(variable: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let folder = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let arch = env::consts::ARCH;
        let mut roots: Vec<_> = folder("CUDA_PATH").into_iter().collect();
        let environments: Vec<_> = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(folder).collect();
        roots.extend(["/usr/local/cuda", "/opt/cuda", "/usr"].map(PathBuf::from));
        roots.extend(folder("CONDA_PREFIX").map(|conda| conda.join("targets").join(format!("{arch}-linux"))));
        let wheels = environments.iter().flat_map(|environment| wheels(environment));
        roots.extend(wheels);
        let paths = variable("LD_LIBRARY_PATH").unwrap_or_default();
        let mut libraries: Vec<_> = env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()).collect();
        libraries.extend(
            [format!("/usr/lib/{arch}-linux-gnu"), "/usr/lib64".to_owned(), "/lib64".to_owned()].map(PathBuf::from),
        );
        Self { roots, libraries }
    }

    fn search(&self) -> Result<CudaHome, CudaMissing> {
        let lacking = |root: &PathBuf| HEADERS.iter().filter(|(header, _)| !has(root, header)).collect::<Vec<_>>();
        // Of several that are not whole, the one that lacks least tells most.
        let best = self.roots.iter().map(|root| (root, lacking(root))).min_by_key(|(_, lacks)| lacks.len());
        let (home, lacks) = best.map_or((None, HEADERS.iter().collect()), |(root, lacks)| (Some(root), lacks));
        let libraries = self.libraries(home.filter(|_| lacks.is_empty()));
        let nvrtc =
            libraries.iter().flat_map(|folder| NVRTC.iter().map(|name| folder.join(name))).find(|file| file.is_file());
        let missing = |(header, package): &(&str, &'static str)| MissingPart {
            what: (*header).to_owned(),
            tried: self.roots.iter().map(|root| root.join("include")).collect(),
            package,
        };
        let mut parts: Vec<_> = lacks.iter().copied().map(missing).collect();
        match (home, nvrtc) {
            (Some(home), Some(nvrtc)) if parts.is_empty() => {
                // Beside `mma.h` and nowhere else: it must be of the same version.
                let include = home.join("include");
                let is_there = include.join(TENSOR_CORES.0).is_file();
                let part = (!is_there).then(|| MissingPart { tried: vec![include], ..missing(&TENSOR_CORES) });
                Ok(CudaHome { include_parent: home.clone(), nvrtc, slow_without: part.into_iter().collect() })
            }
            (_, found) => {
                if found.is_none() {
                    let what = format!("NVRTC ({})", NVRTC[0]);
                    parts.insert(0, MissingPart { what, tried: libraries, package: "nvidia-cuda-nvrtc" });
                }
                Err(CudaMissing { parts })
            }
        }
    }

    /// Folders with libraries: those beside the headers first, so that both are of one version.
    fn libraries(&self, home: Option<&PathBuf>) -> Vec<PathBuf> {
        let beside = |root: &PathBuf| ["lib64", "lib"].map(|name| root.join(name));
        let mut folders: Vec<PathBuf> = Vec::new();
        let all = home.into_iter().chain(&self.roots).flat_map(beside).chain(self.libraries.iter().cloned());
        for folder in all {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        folders
    }
}

/// Whether a header lies below a root, or among the C++ libraries that have a folder of their own there.
fn has(root: &Path, header: &str) -> bool {
    let include = root.join("include");
    include.join(header).is_file() || include.join("cccl").join(header).is_file()
}

/// The folders of NVIDIA's wheels in a Python environment: one for all of CUDA 13, one a library for CUDA 12.
fn wheels(environment: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<_> = fs::read_dir(environment.join("lib"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("site-packages").join("nvidia")))
        .filter(|path| path.is_dir())
        .collect();
    versions.sort();
    let roots = |nvidia: &PathBuf| ["cu13", "cuda_runtime", "cuda_nvrtc"].map(|name| nvidia.join(name));
    versions.iter().flat_map(roots).collect()
}

/// Every part with the folders that were tried, and what brings them all.
impl fmt::Display for CudaMissing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = 0;
        while let Some(part) = self.parts.get(at) {
            let same = self.parts[at..].iter().take_while(|other| other.tried == part.tried).count();
            let names: Vec<_> = self.parts[at..at + same].iter().map(|part| part.what.as_str()).collect();
            let tried: Vec<_> = part.tried.iter().map(|path| path.display().to_string()).collect();
            write!(formatter, "no {} in {}; ", names.join(", "), tried.join(", "))?;
            at += same;
        }
        let mut packages: Vec<_> = self.parts.iter().map(|part| part.package).collect();
        // Who lacks `mma.h` also lacks what it includes.
        if packages.contains(&HEADERS[0].1) {
            packages.push(TENSOR_CORES.1);
        }
        packages.sort_unstable();
        packages.dedup();
        write!(
            formatter,
            "`pip install {}` into the Python environment that is active brings it, or the CUDA toolkit, whose folder CUDA_PATH may \
             name",
            packages.join(" ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, files: &[&str]) {
        for file in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
            fs::write(path, "").expect("writable");
        }
    }

    const RUNTIME: [&str; 3] = ["include/cuda_fp16.h", "include/cuda_bf16.h", "include/mma.h"];

    #[test]
    fn a_toolkit_comes_before_wheels_and_the_system() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (toolkit, wheel, system) =
            (folder.path().join("cuda"), folder.path().join("cu13"), folder.path().join("usr/lib"));
        let places = Places { roots: vec![toolkit.clone(), wheel.clone()], libraries: vec![system.clone()] };
        write(&wheel, &RUNTIME);
        write(&wheel, &["include/cccl/nv/target"]);
        write(&system, &["libnvrtc.so.12"]);
        let found = places.search().expect("both are there");
        assert_eq!((&found.include_parent, &found.nvrtc), (&wheel, &system.join("libnvrtc.so.12")));
        assert_eq!(found.slow_without[0].package, "nvidia-cuda-crt");
        assert_eq!(found.version(), None);
        write(&wheel, &["include/crt/mma.h", "lib/libnvrtc.so.13", "lib/libnvrtc-builtins.so.13.2"]);
        let found = places.search().expect("there");
        assert_eq!((found.version(), found.slow_without.len()), (Some((13, 2)), 0));
        assert_eq!(found.nvrtc, wheel.join("lib/libnvrtc.so.13"));
        write(&toolkit, &RUNTIME);
        write(&toolkit, &["include/nv/target", "lib64/libnvrtc.so"]);
        let found = places.search().expect("there");
        assert_eq!((found.include_parent, found.nvrtc), (toolkit.clone(), toolkit.join("lib64/libnvrtc.so")));
    }

    #[test]
    fn what_is_missing_is_said_with_what_brings_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("cu13");
        let places = Places { roots: vec![root.clone()], libraries: Vec::new() };
        write(&root, &RUNTIME);
        write(&root, &["lib/libnvrtc-builtins.so.13.2"]);
        let shown = |text: &str| text.replace(&root.display().to_string(), "R");
        assert_eq!(
            shown(&places.search().expect_err("much is missing").to_string()),
            "no NVRTC (libnvrtc.so) in R/lib64, R/lib; no nv/target in R/include; `pip install nvidia-cuda-cccl \
             nvidia-cuda-nvrtc` into the Python environment that is active brings it, or the CUDA toolkit, whose \
             folder CUDA_PATH may name"
        );
        assert_eq!(Places::default().search().expect_err("nothing is there").parts.len(), 1 + HEADERS.len());
    }

    #[test]
    fn environments_name_places() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let nvidia = folder.path().join("lib/python3.11/site-packages/nvidia");
        fs::create_dir_all(&nvidia).expect("a folder");
        let variable = |name: &str| match name {
            "CUDA_PATH" => Some(OsString::from("/mine")),
            "VIRTUAL_ENV" => Some(folder.path().as_os_str().to_owned()),
            "LD_LIBRARY_PATH" => Some(OsString::from("/a::/b")),
            _ => None,
        };
        let places = Places::of(&variable);
        assert_eq!(places.roots[0], Path::new("/mine"));
        assert!(places.roots.contains(&nvidia.join("cu13")) && places.roots.contains(&nvidia.join("cuda_nvrtc")));
        assert_eq!(places.libraries[..2], [PathBuf::from("/a"), PathBuf::from("/b")]);
    }
}
