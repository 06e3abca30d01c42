//! The driver's version, and what compiles kernels when they run: NVRTC and the headers that it reads.
//!
//! Does not load any of it.

use pipe_learn::{CudaHome, CudaMissing, NoDriverLibrary, cuda_home, driver_library};

use super::{Check, Verdict};
use crate::backends::{Unfit, supported};

/// The driver, its library, and what compiles kernels. What is wrong with them is a problem where there is a card to use.
pub(super) fn checks(version: Option<&str>, has_card: bool) -> Vec<Check> {
    let home = cuda_home();
    let compiler = home.as_ref().ok().and_then(CudaHome::version);
    let mut checks: Vec<_> = version.map(|version| driver(version, compiler)).into_iter().collect();
    checks.extend(driver_library().err().filter(|_| has_card).map(|missing| library(&missing)));
    checks.extend(parts(&home));
    // What this build never uses, or cannot, is no problem of its.
    let is_of_use = cfg!(feature = "cuda") && has_card;
    for check in checks.iter_mut().filter(|check| !is_of_use && check.verdict == Verdict::Problem) {
        check.verdict = Verdict::Note;
    }
    checks
}

fn driver(version: &str, compiler: Option<(u32, u32)>) -> Check {
    match supported(version, compiler) {
        Ok((major, minor)) => Check::ok("driver", format!("{version}, CUDA {major}.{minor}")),
        Err(Unfit { says, remedy }) => Check::problem("driver", says, remedy),
    }
}

fn library(missing: &NoDriverLibrary) -> Check {
    let tried: Vec<_> = missing.tried.iter().map(|path| path.display().to_string()).collect();
    Check::problem("driver", format!("no libcuda.so.1 in {}", tried.join(", ")), NoDriverLibrary::REMEDY)
}

fn parts(home: &Result<CudaHome, CudaMissing>) -> Vec<Check> {
    match home {
        Ok(home) => {
            let version = home.version().map(|(major, minor)| format!(", {major}.{minor}")).unwrap_or_default();
            let include = home.include_parent.join("include");
            let slow = home.slow_without.iter().map(|part| {
                Check::note(
                    "CUDA headers",
                    format!("no {} in {}, so kernels for tensor cores do not compile", part.what, include.display()),
                    format!("pip install {}, of the version of nvidia-cuda-runtime", part.package),
                )
            });
            let found = [
                Check::ok("NVRTC", format!("{}{version}", home.nvrtc.display())),
                Check::ok("CUDA headers", include.display().to_string()),
            ];
            found.into_iter().chain(slow).collect()
        }
        Err(missing) => {
            let part = |part: &pipe_learn::MissingPart| {
                let tried: Vec<_> = part.tried.iter().map(|path| path.display().to_string()).collect();
                let remedy = format!("pip install {}, or install the CUDA toolkit", part.package);
                let name = if part.package == "nvidia-cuda-nvrtc" { "NVRTC" } else { "CUDA headers" };
                Check::problem(name, format!("no {} in {}", part.what, tried.join(", ")), remedy)
            };
            missing.parts.iter().map(part).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_part_has_a_line() {
        let missing = |what: &str, package| pipe_learn::MissingPart {
            what: what.to_owned(),
            tried: vec!["/a".into(), "/b".into()],
            package,
        };
        let parts = parts(&Err(CudaMissing {
            parts: vec![missing("NVRTC (libnvrtc.so)", "nvidia-cuda-nvrtc"), missing("crt/mma.h", "nvidia-cuda-crt")],
        }));
        let lines: Vec<_> = parts.iter().map(|check| (check.name, check.says.as_str())).collect();
        let expected = [("NVRTC", "no NVRTC (libnvrtc.so) in /a, /b"), ("CUDA headers", "no crt/mma.h in /a, /b")];
        assert_eq!(lines, expected);
        assert_eq!(parts[1].remedy.as_deref(), Some("pip install nvidia-cuda-crt, or install the CUDA toolkit"));
    }
}
